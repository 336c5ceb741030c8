"""`truncmac compile` writes what the compiler gives, and tells its bytes."""

import json
import re

import numpy as np

from truncmac.descriptors import Region
from truncmac.golden import (
    Setting,
    builtin_images,
    builtin_network,
    execute,
    interpret,
    save,
    with_layer_bits,
)
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.bound import bound_cycles
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.planning import machine_of


def test_the_files_are_the_compilers(run, tmp_path):
    code, out, _ = run("compile", "-k", "8,2", "--out", "npu")
    assert code == 0
    names = ["memory_map.json", "program.bin", "truncmac_program.h"]
    assert sorted(path.name for path in (tmp_path / "npu").iterdir()) == names
    compiled = compile_network(builtin_network(), NpuConfig(), [Setting("8", 8), Setting("2", 2)])
    assert (tmp_path / "npu/program.bin").read_bytes() == compiled.program
    weights = sum(s.size for s in compiled.sections if s.name.startswith("weights"))
    assert f"weights, 8 bits   {weights:,}" in out
    assert "2 programs of 13 descriptors for 8 maps" in out


def test_the_sizes_of_the_npu_are_the_options(run, tmp_path):
    sizes = ["--rows", "4", "--cols", "16", "--lanes", "4", "--planes", "2"]
    around = ["--bus-width", "128", "--groups", "4", "--depth", "900", "--outstanding", "2"]
    code, out, _ = run("compile", "-k", "8", *sizes, *around, "--json", "--out", "npu")
    assert code == 0
    npu = json.loads(out)["npu"]
    array = npu.pop("array")
    assert npu == {"bus_width": 128, "groups": 4, "depth": 900, "outstanding": 2}
    assert [array[name] for name in ("rows", "cols", "lanes", "planes")] == [4, 16, 4, 2]
    assert array["requantisers"] == 2  # 36 beats of 144: 4 rows at 8 columns a unit


def test_without_bits_there_is_a_program_for_each_k_of_the_network(run):
    code, out, _ = run("compile", "--json", "--out", "npu")
    assert code == 0
    names = [program["name"] for program in json.loads(out)["programs"]]
    assert names == [str(k) for k in sorted(builtin_network().bit_widths, reverse=True)]


def test_a_file_gives_each_layer_its_k(run, tmp_path):
    network = builtin_network()
    own = {layer.name: 2 for layer in network.products if layer.bits is None}
    own |= {next(iter(own)): 4}
    (tmp_path / "mixed.json").write_text(json.dumps(own))
    code, out, _ = run("compile", "-k", "mixed.json", "--json", "--out", "npu")
    assert code == 0
    found = json.loads(out)
    assert found["programs"] == [{"name": "mixed", "offset": 0}]
    image = builtin_images()[0][0]
    regions = {region: np.zeros(1 << 12, np.uint8) for region in Region}
    program = (tmp_path / "npu/program.bin").read_bytes()
    regions[Region.PROGRAM] = np.frombuffer(program, np.uint8)
    regions[Region.INPUT] = np.ascontiguousarray(image.transpose(1, 2, 0)).reshape(-1)
    interpret(machine_of(NpuConfig()), regions)
    sums = regions[Region.OUTPUT][: found["regions"]["output"]].view("<i4")
    last = network.layers[-1].name
    prefix = f"{last}.b{max(network.bit_widths)}"
    logits = network.tensors[f"{prefix}.multiplier"] * sums + network.tensors[f"{prefix}.bias"]
    assert logits.tolist() == execute(network, image[None], own).logits[0].tolist()


def test_a_network_whose_layers_have_a_k_of_their_own(run, tmp_path):
    network = builtin_network()
    own = {layer.name: 4 for layer in network.products if layer.bits is None}
    save(with_layer_bits(network, own), tmp_path / "own.safetensors")
    code, _, _ = run("compile", "own.safetensors", "--out", "npu")
    assert code == 0


def test_what_does_not_fit_is_told_in_a_line(run):
    code, out, err = run("compile", "resnet20", "--depth", "40", "--out", "npu")
    assert (code, out) == (2, "")
    assert err.startswith("truncmac: Layer 'mean' does not fit")
    assert (
        "3 groups of 40 words: with as few rows at a time as it can give, its maps need 64" in err
    )
    assert err.count("\n") == 1


def test_spilled_bytes_and_bands_are_told_where_there_are_some(run, tmp_path):
    code, out, _ = run("compile", "resnet20", "-k", "8", "--depth", "128", "--out", "npu")
    assert code == 0
    found = json.loads((tmp_path / "npu/memory_map.json").read_text())
    spilled = {entry["name"]: entry for entry in found["spilled"]}
    assert spilled
    total = sum(entry["bytes"] for entry in spilled.values())
    assert total == found["regions"]["scratch"]
    assert re.search(rf"spilled maps +{total:,}", out)
    banded = [entry for entry in found["segments"] if "bands" in entry]
    assert {name for entry in banded for name in entry["stores"]} == set(spilled)
    bands = sum(entry["bands"] for entry in banded)
    assert f"Maps that do not fit the chip are done in {bands} bands of rows" in out
    code, out, _ = run("compile", "-k", "8", "--out", "npu")
    assert code == 0
    assert "spilled" not in out
    assert "The image comes in 2 bands of rows, beside the first layers" in out


def test_cycles_are_counted_and_few_bits_take_fewer(run):
    code, out, _ = run("compile", "-k", "4,1", "--cycles", "--json", "--out", "npu")
    assert code == 0
    found = json.loads(out)["cycles"]
    compiled = compile_network(builtin_network(), NpuConfig(), [Setting("4", 4), Setting("1", 1)])
    for entry in compiled.entries:
        counts = found[entry.setting.name]
        assert counts["bound_cycles"] == bound_cycles(compiled, entry.setting.bits)
        assert counts["bound_cycles"] < counts["cycles"] < 2 * counts["bound_cycles"]
        assert counts["bytes_read"] == 8 * counts["read_beats"]
        parts = ("fetching", "convolving", "passing", "moving")
        assert sum(counts[name] for name in parts) == counts["cycles"]
    assert found["1"]["cycles"] < found["4"]["cycles"]
    code, out, _ = run("compile", "-k", "1", "--cycles", "--latency", "300", "--out", "npu")
    assert code == 0
    cycles = int(re.search(r"\n 1 +([\d,]+)", out)[1].replace(",", ""))
    assert cycles > found["1"]["cycles"] + 300
