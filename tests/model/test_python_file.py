import re

import pytest

from truncmac.model.python_file import module_from

TEXT = """
from torch import nn
import beside

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(beside.SIZE, 2))

made = Net()
number = 3

def make():
    return made

def broken():
    raise KeyError("x")
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "beside.py").write_text("SIZE = 5\n")
    path = tmp_path / "nets.py"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("name", ["Net", "made", "make"])
def test_a_class_an_instance_or_a_function_gives_a_module(path, name):
    module = module_from(path, name)
    assert module[0].in_features == 5
    assert not module.training


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Nett", "has no 'Nett'; modules in it: Net, made"),
        ("number", "number must be an nn.Module, not int"),
        ("broken", "stopped with KeyError: 'x'"),
    ],
)
def test_what_gives_no_module_is_told(path, name, message):
    text = re.escape(f"{path}: ")
    with pytest.raises(
        ValueError, match=f"^{text}.*{re.escape(message.partition(': ')[2] or message)}$"
    ):
        module_from(path, name)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        module_from(tmp_path / "no.py", "Net")
