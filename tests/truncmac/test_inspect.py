import json
import sys

import pytest

from truncmac import cli


@pytest.fixture
def run(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["truncmac", "inspect", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return run


def test_tables_show_each_layer(run):
    code, out, _ = run("digits", "-k", "8,2")
    assert code == 0
    line = next(line for line in out.splitlines() if line.strip().startswith("conv2"))
    assert line.split()[:7] == ["conv2", "32x8x8", "144", "295", "4.61", "1.15", "21"]
    assert "Information in each plane" in out


def test_json_holds_the_same_numbers(run):
    code, out, _ = run("digits", "--json", "-k", "4")
    assert code == 0
    layers = json.loads(out)["layers"]
    assert [layer["name"] for layer in layers] == ["conv1", "conv2", "conv3", "conv4", "linear"]
    assert layers[1]["weight_bytes"] == {"4": 2304}
    assert len(layers[1]["planes"]) == 8
    assert sum(layers[1]["histogram"]) == 144 * 32


def test_the_plot_is_written(run, tmp_path):
    path = tmp_path / "new" / "planes.svg"
    assert run("digits", "--plot", path)[0] == 0
    assert path.read_text().startswith("<?xml")
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_no_network_is_refused(run, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"no network")
    code, _, errors = run(path)
    assert code == 2
    assert "not a whole safetensors file" in errors
