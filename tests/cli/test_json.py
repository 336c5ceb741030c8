"""`--json`: stdout holds the numbers and nothing else, and the numbers are those of the files."""

import json
from pathlib import Path

import pytest

from tests.golden.networks import small_network
from tests.golden.test_arrays import by_parameters, write
from truncmac.golden import BUILTIN_IMAGES, accuracy, builtin_images, builtin_network, execute, load
from truncmac.hw.config import ArrayConfig

SMALL = ["--rows", "2", "--cols", "2", "--lanes", "2", "--max-reduction", "300"]
CONFIG = ArrayConfig(2, 2, 2, max_reduction=300)
ARRAY = {
    "rows": 2,
    "cols": 2,
    "lanes": 2,
    "planes": 1,
    "max_reduction": 300,
    "requantisers": CONFIG.requantisers,
    "multiplier_bits": 18,
}


@pytest.fixture
def numbers(run):
    """Run a command with --json: what it printed, and its messages."""

    def numbers(*args):
        code, out, errors = run(*args, "--json")
        assert code == 0, errors
        return json.loads(out), errors

    return numbers


def assert_files(files, count):
    assert len(files) == count
    for file in files:
        assert Path(file["path"]).stat().st_size == file["bytes"] > 0


@pytest.mark.parametrize("top", ["core", "axi"])
def test_rtl(numbers, top):
    bus = ["--bus-width", "32"] if top == "axi" else []
    found, errors = numbers("rtl", *SMALL, "--top", top, *bus, "--out", "v")
    assert errors == ""
    assert found["top"] == f"truncmac_{top}"
    assert found["array"] == ARRAY
    assert found["peak_macs"] == 2 * 2 * 2 / 8
    assert found["widths"].pop("bus", None) == (32 if top == "axi" else None)
    assert found["widths"] == {
        "dot": (300 * 255 * 255).bit_length(),
        "row_sum": (300 * 255).bit_length(),
        "sum": 1 + (300 * 255 * 511).bit_length(),
        "bias": 1 + (300 * 255 * 511).bit_length() + 18,
        "residual_multiplier": 26,
    }
    data = "s_axis_weights_tdata" if top == "axi" else "weights__payload"
    assert found["ports"][data] == (32 if top == "axi" else 2 * 2 * 1)
    assert_files(found["files"], 3 if top == "axi" else 1)


def test_rtl_of_an_npu(numbers):
    sizes = ["--rows", "2", "--cols", "4", "--lanes", "2", "--max-reduction", "100"]
    found, errors = numbers("rtl", *sizes, "--top", "npu", "--depth", "64", "--out", "v")
    assert errors == ""
    assert found["top"] == "truncmac_npu"
    assert found["npu"].pop("configuration").startswith("0x")
    assert found["npu"] == {
        **{"bus_width": 64, "groups": 3, "depth": 64, "outstanding": 4},
        "memory_bytes": 3 * 2 * 64 * 2,
    }
    assert found["ports"]["m_axi_wdata"] == 64
    assert_files(found["files"], 3)


def test_compile(numbers):
    found, errors = numbers("compile", *SMALL, "--cols", "8", "-k", "8,1", "--out", "e")
    assert errors == ""
    assert found["network"] == "digits"
    assert [program["name"] for program in found["programs"]] == ["8", "1"]
    assert found["npu"]["array"]["cols"] == 8
    assert found["regions"]["program"] == Path("e/program.bin").stat().st_size
    assert_files(found["files"], 3)


def test_export_of_memories(numbers):
    found, errors = numbers("export", *SMALL, "-k", "8,1", "--out", "e")
    assert errors == ""
    assert (found["network"], found["format"]) == ("digits", "memories")
    assert (found["array"], found["bits"]) == (ARRAY, [8, 1])
    assert found["layers"] == len(builtin_network().products)
    assert_files(found["files"], len(list(Path("e").iterdir())))
    assert found["weight_bytes"] == sum(
        file["bytes"] for file in found["files"] if file["path"].endswith(".weights.bin")
    )


def test_export_of_qonnx(numbers):
    found, errors = numbers("export", "-k", "8,1", "--format", "qonnx", "--out", "e")
    assert errors == ""
    assert (found["network"], found["format"], found["bits"]) == ("digits", "qonnx", [8, 1])
    assert_files(found["files"], 2)


def test_import_of_arrays(numbers):
    write(Path("f"), *by_parameters())
    found, errors = numbers("import", "f", "--out", "n.safetensors")
    assert errors == ""
    assert found["layers"] == len(small_network().products)
    assert found["files"] == ["n.safetensors"]
    assert (found["images"], found["notes"]) == (None, [])
    assert found["bits"][0] == {"k": 8, "certified": None, "accuracy": None}
    assert Path("n.safetensors").exists()


def test_import_measures_on_labelled_images(numbers):
    numbers("export", "-k", "8", "--format", "qonnx", "--out", "e")
    (source,) = Path("e").iterdir()
    found, errors = numbers("import", str(source), "--data", str(BUILTIN_IMAGES))
    assert errors == ""
    assert found["notes"]
    (line,) = found["bits"]
    images, labels = builtin_images()
    assert found["images"] == len(images)
    share = accuracy(execute(load(Path("network.safetensors")), images, 8).logits, labels)
    assert line["accuracy"] == share > 0.9
    assert 0 < line["certified"] <= 1
