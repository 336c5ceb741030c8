import json
from math import log2

import numpy as np
import pytest

from truncmac.commands.inspect import BARS
from truncmac.golden import builtin_network


def test_tables_show_each_layer(run):
    code, out, _ = run("inspect", "digits", "-k", "8,2")
    assert code == 0
    line = next(line for line in out.splitlines() if line.strip().startswith("conv2"))
    # 144 = 16 x 3 x 3; 64 x 144 x 32 MACs in thousands; 144 x 32 bytes, and a quarter of it; a sum
    # of 144 x 255 x 15 has 20 bits, and a sign
    expected = ["conv2", "32x16x3x3", "32x8x8", "144", "295", "4.61", "1.15", "21"]
    assert (round(64 * 144 * 32 / 1e3), 144 * 32, 144 * 32 / 4) == (295, 4608, 1152)
    assert (144 * 255 * 15).bit_length() == 20
    assert line.split()[:8] == expected
    assert "Information in each plane" in out
    planes = [line for line in out.splitlines() if line.strip().startswith("conv2")][1]
    codes = builtin_network().tensors["conv2.codes"]
    counts = np.array([np.count_nonzero(codes // 16 == high) for high in range(16)])
    bars = [BARS.index(bar) for bar in planes[-17:-1]]
    assert max(bars) == 8
    np.testing.assert_allclose(bars, 8 * counts / counts.max(), atol=0.51)


def test_json_holds_the_same_numbers(run):
    code, out, _ = run("inspect", "digits", "--json", "-k", "4")
    assert code == 0
    layers = json.loads(out)["layers"]
    assert [layer["name"] for layer in layers] == ["conv1", "conv2", "conv3", "conv4", "linear"]
    assert layers[1]["weights"] == [32, 16, 3, 3]
    assert layers[1]["weight_bytes"] == {"4": 144 * 32 // 2}
    assert layers[1]["macs"] == 64 * 144 * 32
    codes = builtin_network().tensors["conv2.codes"].ravel().tolist()
    assert layers[1]["histogram"] == [codes.count(code) for code in range(256)]
    # The first plane's information is the entropy of the top bit
    share = sum(code >= 128 for code in codes) / len(codes)
    entropy = -share * log2(share) - (1 - share) * log2(1 - share)
    assert layers[1]["planes"][0] == pytest.approx(entropy)
    assert len(layers[1]["planes"]) == 8


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
