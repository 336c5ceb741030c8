import pytest
import torch

from truncmac import cli


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def train(monkeypatch, capsys):
    """Run `truncmac train`: exit code, output, and errors."""

    def train(*args):
        monkeypatch.setattr("sys.argv", ["truncmac", "train", *map(str, args)])
        monkeypatch.setenv("COLUMNS", "120")
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out = capsys.readouterr()
        return stop.value.code, out.out, out.err

    return train
