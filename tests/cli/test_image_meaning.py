"""A network whose pixels are not its codes: what each door makes of its images.

Brevitas' default quantiser of an input is signed: code = rint(128 x) + 128 of x = p / 255. Labels
are the classes that ONNX Runtime finds, so that 100 % is right but for codes that lie at a tie.
"""

import json
import re
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from safetensors.numpy import save_file

from tests.truncmac.onnx.graphs import Builder
from truncmac.golden import images_by_name, load

COUNT = 200
AS_CODES = 0.6  # less than this is right where pixels are taken for codes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The graph, its pixels as pictures and as arrays, and labels."""
    place = tmp_path_factory.mktemp("signed")
    rng = np.random.default_rng(0)
    b = Builder((1, 1, 8, 8))

    def pair(value, scale, zero):
        ends = b.constant(scale), b.constant(zero, type(zero))
        return b.node("DequantizeLinear", b.node("QuantizeLinear", value, *ends), *ends)

    def weights(*shape):
        integers = b.constant(rng.integers(-127, 128, shape), np.int8)
        return b.node("DequantizeLinear", integers, b.constant(0.004), b.constant(0, np.int8))

    x = pair("x", 1 / 128, np.int8(0))
    y = pair(
        b.node("Relu", b.node("Conv", x, weights(8, 1, 3, 3), pads=[1] * 4)), 0.02, np.uint8(0)
    )
    bias = b.constant(rng.normal(size=10))
    b.save(b.node("Gemm", b.node("Flatten", y), weights(10, 512), bias, transB=1), place / "g.onnx")
    pixels = np.random.default_rng(1).integers(0, 256, (COUNT, 1, 8, 8)).astype(np.uint8)
    session = onnxruntime.InferenceSession(place / "g.onnx")
    reals = pixels.astype(np.float32) / 255
    logits = [session.run(None, {"x": one[None]})[0] for one in reals]
    labels = np.concatenate(logits).argmax(1)
    for name in range(10):
        (place / "pictures" / str(name)).mkdir(parents=True)
    for index, (pixel, label) in enumerate(zip(pixels, labels, strict=True)):
        Image.fromarray(pixel[0]).save(place / "pictures" / str(label) / f"{index}.png")
    levels = np.clip(np.rint(reals * 128), -128, 127).astype(np.int8)
    arrays = {
        "pixels": {"images": pixels},
        "reals": {"images": reals},
        "codes": {"codes": (levels.astype(int) + 128).astype(np.uint8)},
        "signed": {"codes": levels},
    }
    for name, tensors in arrays.items():
        np.savez(place / f"{name}.npz", labels=labels, **tensors)
        save_file(tensors | {"labels": labels}, place / f"{name}.safetensors")
    return place


@pytest.fixture
def network(folder, run):
    """The network file that `truncmac import` makes."""
    path = folder / "n.safetensors"
    if not path.exists():
        assert run("import", str(folder / "g.onnx"), "-k", "8,4", "--out", str(path))[0] == 0
    return path


FORMS = ["pictures", *(f"{name}.npz" for name in ("pixels", "reals", "codes", "signed"))]


def share(text):
    return float(re.search(r"(\d+\.\d+)%", text)[1]) / 100


@pytest.mark.parametrize("form", [*FORMS, "reals.safetensors", "signed.safetensors"])
def test_infer_gives_what_the_runtime_gives(folder, network, run, form):
    code, out, _ = run("infer", str(network), "--data", str(folder / form), "-k", "8")
    assert code == 0
    assert share(out) > 0.95


def test_pixels_that_are_taken_for_codes_are_seen(folder, network, run, tmp_path):
    """What was done before: the same pixels, called codes, are mostly wrong."""
    with np.load(folder / "pixels.npz") as found:
        np.savez(tmp_path / "wrong.npz", codes=found["images"], labels=found["labels"])
    _, out, _ = run("infer", str(network), "--data", str(tmp_path / "wrong.npz"), "-k", "8")
    assert share(out) < AS_CODES


@pytest.mark.parametrize("form", FORMS)
def test_import_measures_on_the_same_codes(folder, run, form):
    options = ["--data", str(folder / form), "-k", "8,4", "--out", "again.safetensors", "--json"]
    code, out, _ = run("import", str(folder / "g.onnx"), *options)
    assert code == 0
    found = json.loads(out)
    assert found["bits"][0]["accuracy"] > 0.95
    note = (
        "A pixel p of 0 to 255 stands for p / 255 in the graph's input; --mean and --deviation say"
    )
    assert f"{note} otherwise." in found["notes"]


def test_all_forms_are_the_same_codes(folder, network):
    found = [images_by_name("n", folder / form, load(network))[0] for form in FORMS[1:]]
    assert len(np.unique(found[0])) > 100
    for codes in found[1:]:
        np.testing.assert_array_equal(codes, found[0])


@pytest.mark.parametrize("form", ["pictures", "reals.npz"])
def test_allocate_measures_on_the_same_codes(folder, run, form):
    assert run("import", str(folder / "g.onnx"), "--edge-bits", "0", "-k", "8,7")[0] == 0
    options = ["--data", str(folder / form), "--calibrate", "20", "--json"]
    code, out, _ = run("allocate", "network.safetensors", *options)
    assert code == 0
    best = json.loads(out)["points"][-1]
    assert best["accuracy"] > 0.95


def test_a_report_takes_pixels_and_reals_for_the_same(folder, network, run):
    energies = {}
    for form in ("pixels.npz", "reals.npz", "signed.npz"):
        options = ["--data", str(folder / form), "--format", "json", "-k", "8"]
        code, out, _ = run("report", str(network), *options)
        assert code == 0
        energies[form] = json.loads(out)["layers"]
    assert energies["pixels.npz"] == energies["reals.npz"] == energies["signed.npz"]


def test_inspect_says_what_the_image_means(network, run):
    _, out, _ = run("inspect", str(network))
    assert "code = clip(rint(x / 0.0078125) + 128, 0, 255) of a real x" in out
    assert "x = p / 255 of a pixel p" in out
    assert "signed codes are 128 less" in out
    coding = json.loads(run("inspect", str(network), "--json")[1])["image"]["coding"]
    assert (coding["scale"], coding["zero_point"], coding["signed"]) == ([1 / 128], 128, True)


@pytest.mark.parametrize(
    ("command", "header"),
    [
        (["export", "--rows", "4", "--cols", "4"], "network.h"),
        (["compile", "--rows", "4", "--cols", "4"], "truncmac_program.h"),
    ],
)
def test_headers_have_the_codes_of_pixels(folder, network, run, tmp_path, command, header):
    assert run(*command, str(network), "-k", "8", "--out", str(tmp_path))[0] == 0
    text = (tmp_path / header).read_text()
    assert " * code = clip(rint(x / 0.0078125) + 128, 0, 255) of a real x\n" in text
    (tmp_path / "main.c").write_text(
        f'#include <stdio.h>\n#include "{header}"\nint main(void) {{\n'
        "  for (int p = 0; p < 256; p++)\n"
        '    printf("%d ", truncmac_pixel_codes[TRUNCMAC_PIXEL_TABLES - 1][p]);\n}\n'
    )
    build = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"]
    subprocess.run(build, cwd=tmp_path, check=True)
    said = subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True, text=True)
    expected = [min(round(p / 255 * 128) + 128, 255) for p in range(256)]
    assert list(map(int, said.stdout.split())) == expected
    if header == "truncmac_program.h":
        found = json.loads((tmp_path / "memory_map.json").read_text())["image"]
        assert found["coding"]["zero_point"] == 128


def test_qonnx_takes_what_the_graph_took(folder, network, run, tmp_path):
    """Reals; and the graph that is made of it is a network with the same codes of pixels."""
    assert run("export", str(network), "--format", "qonnx", "-k", "8", "--out", "q")[0] == 0
    path = str(tmp_path / "q" / "g.k8.onnx")
    model = onnx.load(path)
    assert [node.op_type for node in model.graph.node[:4]] == ["Div", "Round", "Add", "Quant"]
    assert run("import", path, "-k", "8", "--edge-bits", "0", "--out", "again.safetensors")[0] == 0
    again, first = load(tmp_path / "again.safetensors").image, load(network).image
    assert (again.coding.scale, again.coding.zero_point) == (first.coding.scale, 128)
    for form in ("pixels.npz", "reals.npz"):
        options = ["--data", str(folder / form), "-k", "8"]
        code, out, _ = run("infer", "again.safetensors", *options)
        assert code == 0
        assert share(out) > 0.95


def test_another_normalisation_is_said_by_options(folder, run, tmp_path):
    """Pixels of mean 0.5 and deviation 0.5 use both halves of the codes."""
    options = ["--mean", "0.5", "--deviation", "0.5", "-k", "8", "--out", "m.safetensors"]
    code, out, _ = run("import", str(folder / "g.onnx"), *options)
    assert code == 0
    assert "stands for (p / 255 - mean) / deviation" in out
    network = load(tmp_path / "m.safetensors")
    codes, _ = images_by_name("m", folder / "pixels.npz", network)
    with np.load(folder / "pixels.npz") as found:
        pixels = found["images"].astype(int)
    expected = [
        [max(min(round((p / 255 - 0.5) / 0.5 * 128) + 128, 255), 0)] for p in pixels.ravel()
    ]
    np.testing.assert_array_equal(codes.reshape(-1, 1), expected)
