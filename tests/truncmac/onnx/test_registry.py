import ast
import sys
from pathlib import Path

import pytest

from truncmac.onnx import importing
from truncmac.onnx.functions import FUNCTIONS
from truncmac.onnx.registry import HANDLERS, handles

FOLDER = Path(importing.__file__).parent


def operations_by_file():
    """Operations that the decorators in each file name."""
    found = {}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "handles":
                        names = [
                            name
                            for argument in call.args
                            for name in (
                                FUNCTIONS if isinstance(argument, ast.Starred) else [argument.value]
                            )
                        ]
                        found.setdefault(path.stem, []).extend(names)
    return found


def test_the_reader_imports_every_file_of_handlers():
    found = operations_by_file()
    assert {"products", "pools", "quantisers"} <= set(found)
    loaded = {name.rpartition(".")[2] for name in sys.modules if "truncmac.onnx." in name}
    assert set(found) <= loaded
    assert sorted(HANDLERS) == sorted(name for names in found.values() for name in names)


def test_an_operation_has_one_handler():
    with pytest.raises(ValueError, match=r"^Operation 'Conv' must have one handler, not two$"):
        handles("Conv")(HANDLERS["Gemm"])
    assert HANDLERS["Conv"].__name__ == "read_conv"
