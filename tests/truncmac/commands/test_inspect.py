import json

import numpy as np

from truncmac.commands.inspect import BARS
from truncmac.golden import builtin_network, inspect_network


def test_tables_show_each_layer(run):
    code, out, _ = run("inspect", "digits", "-k", "8,2")
    assert code == 0
    line = next(line for line in out.splitlines() if line.strip().startswith("conv2"))
    expected = ["conv2", "32x16x3x3", "32x8x8", "144", "295", "4.61", "1.15", "21"]
    assert line.split()[:8] == expected
    assert "Information in each plane" in out
    planes = [line for line in out.splitlines() if line.strip().startswith("conv2")][1]
    counts = inspect_network(builtin_network())[1].histogram.reshape(16, 16).sum(1)
    bars = [BARS.index(bar) for bar in planes[-17:-1]]
    assert max(bars) == 8
    np.testing.assert_allclose(bars, 8 * counts / counts.max(), atol=0.51)


def test_json_holds_the_same_numbers(run):
    code, out, _ = run("inspect", "digits", "--json", "-k", "4")
    assert code == 0
    layers = json.loads(out)["layers"]
    assert [layer["name"] for layer in layers] == ["conv1", "conv2", "conv3", "conv4", "linear"]
    assert layers[1]["weights"] == [32, 16, 3, 3]
    assert layers[1]["weight_bytes"] == {"4": 2304}
    assert len(layers[1]["planes"]) == 8
    assert sum(layers[1]["histogram"]) == 144 * 32


def test_the_plot_is_written(run, tmp_path):
    path = tmp_path / "new" / "planes.svg"
    assert run("inspect", "digits", "--plot", str(path))[0] == 0
    assert path.read_text().startswith("<?xml")
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_no_network_is_refused(run, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"no network")
    code, _, errors = run("inspect", str(path))
    assert code == 2
    assert "not a whole safetensors file" in errors


def test_resnet18_has_the_work_of_the_paper(run):
    code, out, _ = run("inspect", "resnet18", "--json", "-k", "all")
    assert code == 0
    layers = json.loads(out)["layers"]
    assert len(layers) == 21
    assert sum(layer["macs"] for layer in layers) == 1_814_073_344
    assert sum(layer["weight_bytes"]["8"] for layer in layers) == 11_678_912
