import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.golden.networks import small_network
from truncmac.golden import (
    BUILTIN_NETWORK,
    builtin_images,
    builtin_network,
    execute,
    predictions,
    save,
    save_images,
)
from truncmac.sim.rtl import cosim

ARRAY = ["--rows", "4", "--cols", "4", "--simulator", "icarus", "--images", "1"]
MIXED = {"conv2": 4, "conv3": 1, "conv4": 2}


@pytest.fixture
def mixed(tmp_path):
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(MIXED))
    return str(path)


@pytest.fixture
def broken(monkeypatch):
    """A core whose row sums are not those of its tile."""
    whole = cosim.core_verilog

    def verilog(config):
        return whole(config).replace("else if (drain)", "else if (1'h0)")

    monkeypatch.setattr(cosim, "core_verilog", verilog)


def write_pictures(folder, images, labels=None):
    for index, image in enumerate(images):
        place = folder if labels is None else folder / f"class{labels[index]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(place / f"{index:04}.png")


def test_infer_dumps_each_layers_outputs(run, tmp_path, mixed):
    bits = f"2,1,{mixed}"
    code, _, _ = run("infer", "--dump", str(tmp_path / "dump"), "-k", bits, "--images", "3")
    assert code == 0
    images, _ = builtin_images()
    for name, k in (("2", 2), ("1", 1), ("mixed", MIXED)):
        for layer, values in execute(builtin_network(), images[:3], k).outputs.items():
            dumped = np.load(tmp_path / "dump" / f"k{name}" / f"{layer}.npy")
            np.testing.assert_array_equal(dumped, values)


def test_pictures_in_folders_of_classes_have_labels(run, tmp_path):
    images, labels = builtin_images()
    write_pictures(tmp_path / "data", images[:60], labels[:60])
    code, out, _ = run("infer", "--data", "data", "-k", "2", "--json")
    assert code == 0
    found = json.loads(out)
    logits = execute(builtin_network(), images[:60], 2).logits
    right = (predictions(logits) == labels[:60]).mean()
    assert found["images"] == 60
    assert found["settings"][0]["accuracy"] == pytest.approx(right)


def test_pictures_in_one_folder_have_none(run, tmp_path):
    write_pictures(tmp_path / "data", builtin_images()[0][:3])
    code, out, _ = run("infer", "--data", "data", "-k", "8")
    assert code == 0
    assert "digits: 3 images" in out
    assert "unknown" in out


def test_without_labels_the_network_runs_and_tells_the_classes(run, tmp_path):
    images, _ = builtin_images()
    np.save(tmp_path / "images.npy", images[:25])
    expected = predictions(execute(builtin_network(), images[:25], 4).logits).tolist()
    code, out, _ = run("infer", "--data", "images.npy", "-k", "4", "--json")
    assert code == 0
    assert json.loads(out)["settings"][0]["classes"] == expected
    code, out, _ = run("infer", "--data", "images.npy", "-k", "4")
    assert f"k = 4: classes {', '.join(map(str, expected[:20]))}, ... (25 images)" in out


@pytest.mark.parametrize("shape", [(3, 1, 8, 9), (3, 2, 8, 8), (3, 8, 8)])
def test_images_of_a_wrong_shape_without_labels_are_refused(run, tmp_path, shape):
    np.save(tmp_path / "images.npy", np.zeros(shape, np.uint8))
    code, _, err = run("infer", "--data", "images.npy", "-k", "8")
    assert code == 2
    assert err.count("\n") == 1 and "shape" in err


def test_all_are_those_that_the_network_has(run):
    code, out, _ = run("infer", "-k", "all", "--json")
    assert code == 0
    assert [setting["k"] for setting in json.loads(out)["settings"]] == ["8", "4", "2", "1"]


def test_layers_have_a_line_each(run, mixed):
    code, out, _ = run("infer", "-k", mixed)
    assert code == 0
    rows = [line.split() for line in out.splitlines() if "conv" in line or "linear" in line]
    network = builtin_network()
    assert [row[0] for row in rows] == [layer.name for layer in network.products]
    assert [row[2] for row in rows] == ["8", "4", "1", "2", "8"]
    assert [row[1] for row in rows[:2]] == ["16x8x8", "32x8x8"]
    assert "conv2" not in run("infer", "-k", "8,4")[1]
    assert "conv2" in run("infer", "-k", "8,4", "--layers")[1]


def test_a_file_of_other_layers_is_refused(run, tmp_path):
    (tmp_path / "k.toml").write_text("conv2 = 4")
    code, _, err = run("infer", "-k", "k.toml")
    assert (code, err) == (
        2,
        "truncmac: Bit-widths must be given for the layers without a k of their own, conv2, conv3, "
        "conv4, not for conv2\n",
    )


@pytest.mark.long
def test_a_k_for_each_layer_runs_on_the_rtl(kept_builds, run, mixed):
    sizes = ["--max-reduction", "1152", "--images", "1"]  # of an array that other tests build too
    code, out, _ = run("infer", "--on", "both", "-k", f"{mixed},8", "--json", *sizes)
    assert code == 0
    first, whole = json.loads(out)["settings"]
    assert (first["mismatches"], first["first_difference"]) == (0, None)
    assert [layer["bits"] for layer in first["layers"]] == [8, 4, 1, 2, 8]
    assert sum(layer["cycles"] for layer in first["layers"]) == first["cycles"] < whole["cycles"]
    assert sum(layer["outputs"] for layer in first["layers"]) == first["outputs"]


def test_a_difference_is_shown_with_all_that_it_is_made_of(run, broken, tmp_path):
    network = small_network()
    images = np.random.default_rng(1).integers(0, 64, (1, 2, 7, 6)).astype(np.uint8)
    save(network, tmp_path / "small.safetensors")
    np.save(tmp_path / "images.npy", images)
    given = ("small.safetensors", "--data", "images.npy")
    code, out, _ = run("infer", *given, "--on", "rtl", "-k", "2", *ARRAY)
    assert code == 1
    pattern = (
        r"layer '(\w+)', .*\n +image 0, y (\d+), x (\d+), channel (\d+) of \d+ "
        r"\(row (\d+) of \d+\): golden (-?\d+), RTL (-?\d+)"
    )
    layer, *numbers = re.search(pattern, out).groups()
    y, x, channel, row, golden, rtl = map(int, numbers)
    gemms = []
    outputs = execute(network, images, 2, on_gemm=gemms.append).outputs
    gemm = next(gemm for gemm in gemms if gemm.name == layer)
    assert outputs[layer][0, channel, y, x] == gemm.outputs()[row, channel] == golden != rtl
    assert f"S = {gemm.sums()[row, channel]}" in out
    assert f"M = {gemm.requant.multiplier[channel]}" in out


@pytest.mark.long
def test_compare_shows_every_operand_and_where_it_is_from(run, broken):
    code, out, _ = run("infer", "--compare", "-k", "2", *ARRAY, "--json")
    assert code == 1
    found = json.loads(out)["settings"][0]["first_difference"]
    network, (images, _) = builtin_network(), builtin_images()
    layer = next(layer for layer in network.products if layer.name == found["layer"])
    outputs = {"image": images[:1], **execute(network, images[:1], 2).outputs}
    inputs = outputs[layer.input][0]
    for (channel, y, x), value in zip(found["positions"], found["activations"], strict=True):
        inside = 0 <= y < inputs.shape[1] and 0 <= x < inputs.shape[2]
        assert value == (inputs[channel, y, x] if inside else 0)
    products = zip(found["activations"], found["weight_codes"], strict=True)
    d, q = sum(a * c for a, c in products), sum(found["activations"])
    assert 2 * d - found["z"] * q == found["S"]
    text = run("infer", "--compare", "-k", "2", *ARRAY)[1]
    assert (
        len(re.findall(r"(?m)^ +\d+ +\d+ x \d+ +channel \d+, y -?\d+, x -?\d+$", text))
        == found["K"]
    )


def test_a_dump_stays_in_its_folder(run, tmp_path):
    """Whatever a file calls its layers."""
    network = builtin_network()
    names = {"conv2": "../../conv2", "conv3": "a/b"}

    def renamed(layer):
        fields = {"name": names.get(layer.name, layer.name), "input": layer.input}
        fields["input"] = names.get(layer.input, layer.input)
        if getattr(layer, "residual", None) in names:
            fields["residual"] = names[layer.residual]
        return replace(layer, **fields)

    tensors = {}
    for key, tensor in network.tensors.items():
        first, _, rest = key.partition(".")
        tensors[f"{names.get(first, first)}.{rest}"] = tensor
    layers = tuple(map(renamed, network.layers))
    save(replace(network, layers=layers, tensors=tensors), tmp_path / "odd.safetensors")
    save_images(tmp_path / "images.safetensors", builtin_images()[0][:2])
    dump = tmp_path / "inner" / "dump"
    code, _, err = run(
        *("infer", str(tmp_path / "odd.safetensors"), "-k", "8", "--dump", str(dump)),
        *("--data", str(tmp_path / "images.safetensors")),
    )
    assert (code, err) == (0, "")
    written = {path.parent for path in tmp_path.rglob("*.npy")}
    assert written == {dump / "k8"}
    assert len(list((dump / "k8").iterdir())) == len(layers)


def test_infer_on_golden_prints_the_accuracies(run):
    code, out, _ = run("infer", "-k", "8,1")
    assert code == 0
    assert len(re.findall(r"\d\d\.\d\d%", out)) == 2


@pytest.mark.long
def test_infer_on_the_rtl_prints_cycles_and_no_mismatch(kept_builds, run):
    code, out, _ = run(
        *["infer", "--on", "rtl", "--images", "1", "-k", "2,1", "--simulator", "icarus"],
        *["--rows", "4", "--cols", "4", "--lanes", "8", "--planes", "2", "--max-reduction", "288"],
    )
    assert code == 0
    rows = [line.split() for line in out.splitlines() if re.match(r"^\s+[21]\s", line)]
    assert [(row[0], row[2], row[3], row[-1]) for row in rows] == [
        ("2", "1", "5", "0"),
        ("1", "1", "5", "0"),
    ]


def test_infer_takes_a_network_and_unlabelled_images(run, tmp_path):
    images, _ = builtin_images()
    save_images(tmp_path / "images.safetensors", images[:3])
    code, out, _ = run("infer", str(BUILTIN_NETWORK), "--data", "images.safetensors", "-k", "8")
    assert code == 0
    assert "unknown" in out


SMALL_NPU = ["--rows", "4", "--cols", "4", "--max-reduction", "2048", "--simulator", "icarus"]


@pytest.fixture
def played(monkeypatch):
    """An NPU that the reference plays, with faults in the outputs at k = 2."""
    from truncmac.descriptors import Region
    from truncmac.golden import interpret
    from truncmac.sim.npu.planning import machine_of
    from truncmac.sim.rtl.npu import network as npu_network
    from truncmac.sim.rtl.npu.runs import WRITTEN, ProgramOutcome

    def run_programs(runs, config, on_build, **options):
        on_build()
        entries = sorted({run.entry for run in runs})
        outcomes = []
        for run in runs:
            after = {region: data.copy() for region, data in run.regions.items()}
            traffic = interpret(machine_of(config), after, entry=run.entry)
            if run.entry == entries[-1]:
                after[Region.OUTPUT][0] ^= 1
            outcomes.append(
                ProgramOutcome(
                    status={"busy": 0, "done": 1, "refused": 0, "fault": 0},
                    **{
                        "index": 9,
                        "cycles": traffic.weights,
                        "counters": {},
                        "waited": 1,
                        "writes": 0,
                    },
                    **{"bytes_read": 1234, "bytes_written": 8, "strays": 0},
                    regions={region: after[region] for region in WRITTEN},
                    bases=dict.fromkeys(Region, 0),
                )
            )
        return outcomes

    monkeypatch.setattr(npu_network, "run_programs", run_programs)


def test_the_npus_table_and_its_first_difference(run, played):
    args = ["infer", "--on", "npu", *SMALL_NPU, "--images", "2", "-k", "8,2"]
    code, out, _ = run(*args)
    assert code == 1
    rows = [line.split() for line in out.splitlines() if re.match(r"^\s+[82]\s", line)]
    assert [row[0] for row in rows] == ["8", "2"]
    assert re.search(r"accuracy on 450 images, 2 of\s+them run on the NPU", out)
    assert rows[0][4] == "1.00" and float(rows[1][4]) > 1
    assert [row[5] for row in rows] == ["1,234", "1,234"]
    assert [row[6] for row in rows] == ["0", "2"]
    difference = re.search(r"k = 2: first difference in layer 'linear', 1 of 10 outputs", out)
    assert difference and re.search(r"image 0, channel 0: golden -?\d+, NPU -?\d+", out)
    code, out, _ = run(*args, "--json")
    assert code == 1
    first, second = json.loads(out)["settings"]
    assert (first["npu_images"], first["outputs"], first["mismatches"]) == (2, 20, 0)
    for row, setting in zip(rows, (first, second), strict=True):
        assert row[2] == f"{setting['cycles']:,}"
        assert row[3] == f"{setting['cycles'] / setting['bound_cycles']:.2f}"
    assert first["bytes_read"] == 1234 and first["first_difference"] is None
    assert second["first_difference"]["layer"] == "linear"


def test_compare_compares_the_layers_of_the_npu(run, played):
    args = ["infer", "--on", "npu", *SMALL_NPU, "--images", "1", "-k", "8", "--compare"]
    code, out, _ = run(*args, "--json")
    network = builtin_network()
    (setting,) = json.loads(out)["settings"]
    codes = sum(
        values[0].size
        for layer, values in execute(network, builtin_images()[0][:1], 8).outputs.items()
        if layer != "flatten"
    )
    assert setting["outputs"] == codes + 10  # the network's output is compared twice
    assert code == 1
