import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from truncmac import __version__
from truncmac.golden import BUILTIN_IMAGES, BUILTIN_NETWORK, save_images

SMALL = ["--rows", "2", "--cols", "2", "--lanes", "2", "--max-reduction", "20"]


def test_version(run):
    assert run("--version") == (0, f"truncmac {__version__}\n", "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["infer", "-k", "9"], "Bit-width k must be in 1..8, not '9'"),
        (["infer", "-k", "0"], "Bit-width k must be in 1..8, not '0'"),
        (["infer", "-k", "8,8"], "Bit-width k = 8 is named twice in '8,8'"),
        (["infer", "-k", "3"], "The network has no parameters for k = 3, only for 1, 2, 4, 8"),
        (
            ["infer", "--on", "fpga"],
            "Invalid value for '--on': 'fpga' is not one of 'golden', 'both', 'rtl', 'npu', "
            "'onnxruntime'; see "
            "truncmac infer --help",
        ),
        (
            ["sim", "--simulator", "vcs"],
            "Invalid value for '--simulator': 'vcs' is not one of 'verilator', 'icarus'; "
            "see truncmac sim --help",
        ),
        (["sim", "--waves", "run.fst"], "--waves must name a .vcd file, not 'run.fst'"),
        (["sim", "--stall", "1"], "Stall share of tiles must be in 0.0..0.99, not 1.0"),
        (
            ["rtl", "--top", "pci"],
            "Invalid value for '--top': 'pci' is not one of 'core', 'axi', 'npu'; "
            "see truncmac rtl --help",
        ),
        (
            ["rtl", "--top", "axi", "--bus-width", "48"],
            "Bus width of activations must be one of 32, 64, 128, 256, 512, not 48",
        ),
        (
            ["rtl", "--top", "axi", "--cols", "9", "--requantisers", "3"],
            "requantisers must be a power of two for the AXI top, so that results fill its "
            "transfers, not 3",
        ),
        (
            ["rtl", "--requantisers", "3"],
            "requantisers must divide cols = 8, or be twice as many, not be 3",
        ),
        (["infer", str(BUILTIN_NETWORK)], f"{BUILTIN_NETWORK}: give its images with --data"),
        (["rtl", "--rows", "0"], "rows must be in 1..256, not 0"),
        (["rtl", "--cols", "-1"], "cols must be in 1..256, not -1"),
        (["rtl", "--planes", "3"], "planes must be 1, 2, 4 or 8, not 3"),
        (
            ["infer", "--on", "rtl", "--max-reduction", "100"],
            "Layer 'conv2' has reduction K = 144; the array is built for K up to 100. "
            "Build it with --max-reduction 144",
        ),
    ],
)
def test_bad_values_are_one_line_and_exit_code_2(run, tmp_path, args, message):
    code, _, err = run(*args)
    assert (code, err) == (2, f"truncmac: {message}\n")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def edited(change):
    """The shipped network's file with its layer description changed."""
    data = BUILTIN_NETWORK.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    description = json.loads(header["__metadata__"]["truncmac"])
    change(description)
    header["__metadata__"]["truncmac"] = json.dumps(description)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BUILTIN_NETWORK.read_bytes()[:-9], "not a whole safetensors file"),
        (b"not a network", "not a whole safetensors file"),
        (edited(lambda d: d.update(version=3)), "format version must be in 1..2, not 3"),
        (
            edited(lambda d: d["layers"][1].update(input="pool")),
            "layer 'conv2' reads 'pool', which is no earlier layer",
        ),
        (
            edited(lambda d: d["layers"][2].update(stride=[2, 2])),
            "Layer 'conv3' gives (32, 4, 4), but its residual 'conv2' gives (32, 8, 8)",
        ),
    ],
)
def test_bad_network_files_are_refused(run, tmp_path, content, message):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    code, _, err = run("infer", str(path), "--data", str(BUILTIN_IMAGES))
    assert code == 2
    assert err.startswith(f"truncmac: {path}: {message}")
    assert len(err.splitlines()) == 1


def test_images_of_another_shape_are_refused(run, tmp_path):
    save_images(tmp_path / "images.safetensors", np.zeros((1, 3, 8, 8), np.uint8))
    code, _, err = run("infer", "--data", "images.safetensors", "--on", "rtl")
    assert code == 2
    assert err == (
        "truncmac: Images must be uint8 with shape (B, 1, 8, 8), "
        "not uint8 with shape (1, 3, 8, 8)\n"
    )


def test_a_missing_file_is_named(run):
    code, _, err = run("infer", "nowhere.safetensors")
    assert code == 2
    assert err == (
        "truncmac: nowhere.safetensors: no such file or directory. Check the path; relative ones "
        f"begin at {Path.cwd()}\n"
    )


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.EACCES, "Change its permissions, or name another place"),
        (errno.EROFS, "Name a place that can be written to"),
        (errno.ENOSPC, "Free some space, or name another place"),
        (errno.EISDIR, "Name a file in it"),
        (errno.ENOTDIR, "A part of the path is a file; name another place"),
    ],
)
def test_errors_of_the_system_say_what_to_do(run, monkeypatch, number, cure):
    def write(*args):
        raise OSError(number, os.strerror(number), "out/core.v")

    monkeypatch.setattr("truncmac.commands.rtl.write_all", write)
    code, _, err = run("rtl", *SMALL)
    assert (code, err) == (2, f"truncmac: out/core.v: {os.strerror(number).lower()}. {cure}\n")


def test_ctrl_c_is_exit_code_130(run, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("truncmac.commands.rtl.write_all", stop)
    assert run("rtl", *SMALL)[0] == 130


def test_a_missing_tool_is_named_with_its_cure(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = run("sim", "--simulator", "icarus")
    assert (code, err) == (
        2,
        "truncmac: iverilog is missing: icarus needs it. "
        "Install it with: sudo apt-get install iverilog\n",
    )
