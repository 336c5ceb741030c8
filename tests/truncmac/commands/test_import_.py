import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.golden.networks import small_network
from tests.golden.test_arrays import by_parameters, by_reals, write
from tests.kinds.lite import network as lite_network
from tests.truncmac.onnx.graphs import DATA
from truncmac.golden import (
    BUILTIN_IMAGES,
    BUILTIN_NETWORK,
    accuracy,
    builtin_images,
    execute,
    load,
    save_images,
)
from truncmac.model.checkpoint import new_model, save_checkpoint
from truncmac.model.data import digits
from truncmac.model.export import export
from truncmac.model.networks import build
from truncmac.model.processes import Processes
from truncmac.model.recipes import Recipe
from truncmac.model.training import Trainer
from truncmac.sim.extras import install_extra


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_a_network_of_brevitas_becomes_a_network_file(run, tmp_path):
    options = ["--out", "n.safetensors", "-k", "8,4,3", "--data", str(BUILTIN_IMAGES)]
    code, out, _ = run("import", str(DATA / "brevitas_qonnx.onnx"), *options)
    assert code == 0
    network = load(tmp_path / "n.safetensors")
    assert network.bit_widths == (8, 4, 3)
    images, labels = builtin_images()
    for bits in (8, 4, 3):
        share = accuracy(execute(network, images, bits).logits, labels)
        assert re.search(rf"(?m)^ {bits} +\d+% +{share:.2%}", out)
        assert share > 0.93  # at k = 3 0.74 without the images' means
    assert "Note: Channels keep their mean on 256 images where k takes bits away." in out
    assert "Note: An image's code stands for 0.00392157 * (code - 0)." in out
    code, out, _ = run("infer", "n.safetensors", "--data", str(BUILTIN_IMAGES), "-k", "8,4")
    assert code == 0


def test_edge_bits_of_0_let_the_edges_follow(run, tmp_path):
    for edge in ("0", "8"):
        code, _, _ = run("import", str(DATA / "brevitas_qonnx.onnx"), "--edge-bits", edge)
        assert code == 0
        bits = [layer.bits for layer in load(tmp_path / "network.safetensors").products]
        own = None if edge == "0" else 8
        assert bits == [own, None, 8, None, own]  # the third only adds codes


def test_a_folder_of_arrays_becomes_a_network_file(run, tmp_path):
    write(tmp_path / "f", *by_parameters())
    code, out, _ = run("import", "f", "--out", "n.safetensors")
    assert code == 0
    assert load(tmp_path / "n.safetensors").layers == small_network().layers
    assert "Written: n.safetensors, 4 layers of weights" in out
    assert re.search(r"(?m)^ 8 +unknown", out)  # M, B and s alone certify nothing


@pytest.fixture
def checkpoint(tmp_path, split):
    """A run of one epoch, and what its exporter makes of it."""
    recipe = Recipe(epochs=1, widths=(8, 2), batch=128)
    trainer = Trainer(new_model("mlp", split.shape, recipe), split, recipe, Processes())
    trainer.train_epoch()
    save_checkpoint(tmp_path / "checkpoint.safetensors", trainer, "mlp")
    torch.save(trainer.model.state_dict(), tmp_path / "model.pt")
    save_images(tmp_path / "train.safetensors", split.train.images[:500], split.train.labels[:500])
    return trainer.model.eval()


@pytest.fixture(scope="session")
def split():
    return digits()


NAMED = ["--network", "mlp", "--image", "1,8,8", "--classes", "10"]


@pytest.mark.parametrize("source", ["checkpoint.safetensors", "model.pt"])
def test_what_was_trained_is_exported_as_by_the_training(source, run, tmp_path, checkpoint):
    options = NAMED if source == "model.pt" else []
    code, out, _ = run("import", source, "--out", "n.safetensors", *options)
    assert code == 0
    network = load(tmp_path / "n.safetensors")
    expected = export(checkpoint, (1, 8, 8))
    assert network.layers == expected.layers
    assert network.bit_widths == (8, 2)
    for name, array in expected.tensors.items():
        np.testing.assert_array_equal(network.tensors[name], array)
    assert "Left out, for they were not trained: k = 7, 6, 5, 4, 3, 1." in out


def test_images_calibrate_what_was_not_trained(run, tmp_path, checkpoint):
    command = ["import", "checkpoint.safetensors", "-k", "8,5", "--data", "train.safetensors"]
    code, out, _ = run(*command)
    assert code == 0
    assert load(tmp_path / "network.safetensors").bit_widths == (8, 5)
    assert "Note: Not trained, but calibrated: k = 5." in out
    assert len(re.findall(r"(?m)^ [85] +\d+% +\d\d\.\d\d%", out)) == 2
    code, _, err = run("import", "checkpoint.safetensors", "-k", "5")
    assert code == 2
    assert "was trained for k = 8, 2 alone; give images with --data to calibrate others" in err


def test_a_float_network_is_calibrated_on_images(run, tmp_path, checkpoint, split):
    torch.manual_seed(0)
    torch.save(build("mlp", split.shape).state_dict(), tmp_path / "plain.pt")
    options = [*NAMED, "--data", "train.safetensors", "--act-bits", "6", "--percentile", "99"]
    code, out, _ = run("import", "plain.pt", "-k", "8,3", *options)
    assert code == 0
    assert "Note: A float network, calibrated on 500 images." in out
    network = load(tmp_path / "network.safetensors")
    assert network.name == "plain"
    assert [layer.out_bits for layer in network.products] == [6, 6, None]
    code, _, err = run("import", "plain.pt", *NAMED)
    assert code == 2
    assert "plain.pt: is a float network; give images with --data to calibrate it on" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere.onnx"], "nowhere.onnx: no such file or directory. Check the path"),
        (
            ["model.h5"],
            "model.h5: must be a folder of arrays, or a file that ends in .onnx, .tflite, .pt, "
            ".pth, .safetensors",
        ),
        ([str(BUILTIN_NETWORK)], f"{BUILTIN_NETWORK}: is a network file already"),
        (
            ["model.pt"],
            "model.pt: holds tensors alone; say what they are of with --network, --image and "
            "--classes, or import the model from its Python file, as FILE.py:NAME",
        ),
        (
            ["model.pt", *NAMED[:2], "--image", "8,8", *NAMED[4:]],
            "Image must be its channels, height and width, such as 3,32,32, not '8,8'",
        ),
        (
            ["model.pt", "--network", "lenet", *NAMED[2:]],
            "Invalid value for '--network': 'lenet' is not one of 'cnn', 'mlp', 'resnet18', "
            "'resnet20', 'resnet50', 'vgg-small'; see truncmac import --help",
        ),
        (
            ["model.pt", *NAMED[:5], "7"],
            "Tensor 'classes.weight' must have shape (7, 256) for mlp, not (10, 256)",
        ),
        (
            ["checkpoint.safetensors", "--data", "other.safetensors"],
            "Images of --data must have shape (1, 8, 8), not (3, 8, 8)",
        ),
        (["f", "-k", "9"], "Bit-width k must be in 1..8, not '9'"),
        (
            [str(DATA / "brevitas_qonnx.onnx"), "--multiplier-bits", "0"],
            "Multipliers must have 2 to 32 bits, not 0",
        ),
    ],
)
def test_bad_sources_are_one_line_and_exit_code_2(args, message, run, tmp_path, checkpoint):
    (tmp_path / "model.h5").write_bytes(b"x")
    save_images(tmp_path / "other.safetensors", np.zeros((2, 3, 8, 8), np.uint8))
    code, _, err = run("import", *args, "--out", "n.safetensors")
    message += f"; relative ones begin at {tmp_path}" if "such file" in message else ""
    assert (code, err) == (2, f"truncmac: {message}\n")
    assert not (tmp_path / "n.safetensors").exists()


def test_an_import_that_fails_leaves_the_old_file(run, tmp_path):
    write(tmp_path / "f", *by_reals())
    assert run("import", "f", "--out", "n.safetensors")[0] == 0
    before = (tmp_path / "n.safetensors").read_bytes()
    (tmp_path / "f" / "w.npy").write_bytes(b"")
    code, _, err = run("import", "f", "--out", "n.safetensors")
    assert (code, len(err.splitlines())) == (2, 1)
    assert (tmp_path / "n.safetensors").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"f", "n.safetensors"}


@pytest.mark.parametrize(
    ("package", "args", "extra"),
    [
        ("onnx", ["import", "a.onnx"], "onnx"),
        ("torch", ["import", "a.pt"], "train"),
        ("onnx", ["export", "--format", "qonnx"], "onnx"),
    ],
)
def test_a_missing_package_is_named_with_its_cure(package, args, extra, run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("a.onnx", "a.pt"):
        Path(name).write_bytes(b"x")
    for name in [n for n in sys.modules if n.startswith(("truncmac.onnx.", "truncmac.model."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    code, _, err = run(*args)
    assert code == 2
    assert f"needs the package {package}. Install it with: {install_extra(extra)}\n" in err


MINE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

    def forward(self, images):
        return self.head(torch.relu(self.conv(images)).flatten(1))
"""


def test_a_module_of_a_python_file_is_imported(run, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    options = ["-k", "8", "--data", str(BUILTIN_IMAGES), "--out", "n.safetensors"]
    code, out, err = run("import", "mine.py:Net", *options)
    assert (code, err) == (0, "")
    assert "Note: mine.py was executed.\nNote: A float network, calibrated on 450 images." in out
    assert [layer.name for layer in load(tmp_path / "n.safetensors").products] == ["conv_0", "head"]
    code, _, err = run("import", "mine.py:Other", *options)
    assert (code, err) == (2, "truncmac: mine.py: has no 'Other'; modules in it: Net\n")
    code, _, err = run("import", "mine.py:Net")
    assert code == 2
    assert "is a float network; give images with --data to calibrate it on" in err


def test_a_pickled_model_is_refused_with_the_way(run, tmp_path):
    torch.save(build("mlp", digits().shape), tmp_path / "whole.pt")
    options = ["--network", "mlp", "--image", "1,8,8", "--classes", "10"]
    code, _, err = run("import", "whole.pt", *options)
    assert (code, err) == (
        2,
        "truncmac: whole.pt: holds more than tensors, such as a whole model, which cannot be read "
        "without executing it. Write its tensors with torch.save(model.state_dict(), path); or "
        "import the model from its Python file, as truncmac import FILE.py:NAME\n",
    )


def test_the_least_multiplier_bits_are_named_and_certify(run, tmp_path):
    """With one bit less a channel is not certified; on 18 bits codes differ that 27 give."""
    path = str(DATA / "brevitas_qonnx.onnx")
    found = {}
    for bits in ("12", "18", "26", "25"):
        options = ["-k", "8", "--multiplier-bits", bits, "--data", str(BUILTIN_IMAGES), "--json"]
        code, out, _ = run("import", path, *options)
        assert code == 0
        found[bits] = json.loads(out)
    assert {entry["least_multiplier_bits"] for entry in found.values()} == {26}
    certified = {bits: entry["bits"][0]["certified"] for bits, entry in found.items()}
    assert certified["26"] == 1.0
    assert certified["25"] < 1.0
    differing = {
        bits: sum(layer["differing"] for layer in entry["layer_codes"])
        for bits, entry in found.items()
    }
    assert differing["12"] > 20 > differing["18"] >= differing["26"]
    assert found["18"]["layer_codes"][0]["codes"] == 256 * 8 * 64
    code, out, _ = run("import", path, "-k", "8", "--multiplier-bits", "26")
    assert "Least --multiplier-bits that certify every channel at the largest k: 26" in out
    assert "beside the graph" not in out  # there are no images


@pytest.mark.parametrize(
    "command",
    [
        ["infer", "--on", "rtl", "--images", "1", "-k", "8", "--data", str(BUILTIN_IMAGES)],
        ["infer", "--on", "npu", "--images", "1", "-k", "8", "--data", str(BUILTIN_IMAGES)],
        ["compile", "-k", "8"],
        ["export", "-k", "8"],
    ],
)
def test_halves_to_the_even_code_are_for_golden_alone(run, command):
    path = str(DATA / "brevitas_qonnx.onnx")
    options = ["-k", "8", "--halves", "even", "--out", "n.safetensors"]
    code, out, _ = run("import", path, *options)
    assert code == 0
    assert "Halves round up" not in out
    assert {layer.rounding for layer in load(Path("n.safetensors")).products[:-1]} == {"half_even"}
    assert run("infer", "n.safetensors", "--data", str(BUILTIN_IMAGES), "-k", "8")[0] == 0
    code, _, errors = run(command[0], "n.safetensors", *command[1:])
    assert code == 2
    assert re.search(
        r"Layer '\w+' rounds halves to the even code, and hardware rounds them up", errors
    )


def test_a_tflite_file_is_imported(run, tmp_path):
    lite, output = lite_network()
    (tmp_path / "lite.tflite").write_bytes(lite.bytes(output))
    code, out, err = run("import", "lite.tflite", "-k", "8", "--out", "n.safetensors")
    assert (code, err) == (0, "")
    assert "Written: n.safetensors" in out
    assert load(tmp_path / "n.safetensors").name == "lite"
