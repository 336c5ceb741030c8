"""A whole core through synthesis, simulation, timing and power, with the small library."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.sim.tiny import tiny_library, write_tiny
from truncmac.cli import app
from truncmac.golden import Gemm, Requantisation, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise import Plan, characterise
from truncmac.sim.energy import PARTS, Counts, read
from truncmac.sim.gates import GateSimulator
from truncmac.sim.lockstep import parts, run_parts
from truncmac.sim.mapping import DONT_USE, MappingOptions
from truncmac.sim.measure import Core

CONFIG = ArrayConfig(2, 2, 2, 1, max_reduction=16, requantisers=1, multiplier_bits=4)
PERIOD = 500.0


def layer(name, bits, rows=40, reduction=11, columns=5, seed=0, residual=False, share=0.5):
    rng = np.random.default_rng(seed)
    requant = Requantisation(
        multiplier=rng.integers(-8, 8, columns),
        bias=rng.integers(0, 1000, columns),
        shift=rng.integers(3, 8, columns),
        out_bits=4,
        residual_multiplier=rng.integers(-8, 8, columns) if residual else None,
    )
    return Gemm(
        name=name,
        activations=rng.integers(0, 256, (rows, reduction), np.uint8)
        * (rng.random((rows, reduction)) < share).astype(np.uint8),
        codes=np.clip(rng.normal(128, 40, (reduction, columns)), 0, 255).astype(np.uint8),
        bits=bits,
        offset=weight_offset(bits),
        requant=requant,
        residual=rng.integers(0, 16, (rows, columns), np.uint8) if residual else None,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def core(cache):
    library = tiny_library(cache)
    return Core(CONFIG, library, MappingOptions(PERIOD), cache)


@pytest.mark.parametrize("bits", [8, 3, 1])
@pytest.mark.parametrize("stall", [0, 100])
def test_netlist_equals_golden_and_counts_as_the_rtl(core, bits, stall):
    gemm = layer("layer", bits, residual=bits == 3)
    run = run_parts(core.simulator, parts(gemm, CONFIG, 3), CONFIG, stall)
    assert (run.mismatches, run.outputs) == (0, 64 * 3 * 2 * 2)
    beats = 3 * 6
    assert run.counters["beats"] == beats
    assert run.counters["chunks"] == beats * bits
    assert run.counters["tiles"] == 3
    assert (run.counters["cycles"] == run.activity.cycles - 1) or stall
    assert (run.parameter_sets, run.residual_rows) == (1, 6 if bits == 3 else 0)


def test_a_wrong_gate_is_noticed(core):
    group = next(g for g in core.netlist.groups if g.cell.name == "XOR2")
    chosen = [
        row
        for row, scope in enumerate(group.scopes)
        if core.netlist.scopes[scope] == "truncmac_pe/chunk_sum"
    ]
    saved = group.pins.copy()
    group.pins[chosen[0], 1] = 1
    try:
        broken = GateSimulator(core.netlist, core.cache)
        run = run_parts(broken, parts(layer("layer", 8), CONFIG, 3), CONFIG)
        assert run.mismatches > 0
    finally:
        group.pins = saved


def test_reset_works_from_any_state(core):
    for seed in (1, 2):
        simulator = GateSimulator(core.netlist, core.cache, seed=seed)
        assert not run_parts(simulator, parts(layer("l", 2), CONFIG, 2), CONFIG).mismatches


@pytest.fixture(scope="module")
def figures(core, cache):
    out = cache / "figures.json"
    plan = Plan(
        library=core.netlist.library,
        label="tiny",
        sizes=[CONFIG],
        held_sizes=[],
        layers={
            k: [layer("a", k, seed=1), layer("b", k, 30, 16, 6, seed=2, share=0.8)] for k in (8, 2)
        },
        held_layers={k: [layer("c", k, 50, 14, 4, seed=3)] for k in (8, 2)},
        workload={"network": "made up", "held_out": "made up too"},
        period_ps=PERIOD,
        dont_use=DONT_USE,
    )
    return characterise(plan, cache, out), out


def test_prediction_of_what_was_not_measured(figures):
    errors = figures[0].data["errors"]
    held = [entry for entry in errors["layers"] if entry["held_out"]]
    assert {entry["k"] for entry in held} == {8, 2}
    found = {entry["k"]: entry["error"] for entry in held}
    assert max(map(abs, found.values())) < 0.08, found


def test_energy_is_less_for_fewer_bits_and_grows_with_the_array(figures):
    result, _ = figures
    counts = {k: Counts(cycles=100 * k + 20, chunks=100 * k, beats=100, tiles=2) for k in (8, 2)}
    energy = {k: result.energy(CONFIG, counts[k], k) for k in (8, 2)}
    assert set(energy[8]) == set(PARTS)
    assert all(energy[2][part] < energy[8][part] for part in ("multiply_add", "clock", "leakage"))
    large = ArrayConfig(4, 4, 2, 1, max_reduction=16, requantisers=1, multiplier_bits=4)
    assert result.energy(large, counts[8], 8)["multiply_add"] == pytest.approx(
        4 * energy[8]["multiply_add"]
    )
    assert sum(result.area(CONFIG).values()) == pytest.approx(
        result.data["sizes"][0]["area_um2"], rel=1e-6
    )
    sparse = result.energy(CONFIG, counts[8], 8, density=result.density / 2)
    assert sparse["multiply_add"] < energy[8]["multiply_add"]
    slow = result.energy(CONFIG, counts[8], 8, period_ps=2 * result.period_ps)
    assert slow["leakage"] == pytest.approx(2 * energy[8]["leakage"])


def test_shapes_and_widths_that_were_not_characterised(figures):
    result, _ = figures
    counts = Counts(1, 1, 1, 1)
    with pytest.raises(ValueError, match="^These figures are of 2 lanes x 1 planes, not of 4 x 1$"):
        result.energy(ArrayConfig(2, 2, 4, 1), counts, 8)
    message = re.escape("Bit-width must be one that was characterised (2, 8), not 5")
    with pytest.raises(ValueError, match=f"^{message}$"):
        result.energy(CONFIG, counts, 5)


def test_file_round_trip_and_bad_files(figures, tmp_path):
    result, out = figures
    assert read(out).data == json.loads(json.dumps(result.data))
    bad = tmp_path / "bad.json"
    for text, message in (
        ("{", "no characterisation of this package"),
        ("{}", "no characterisation of this package: 'format'"),
        (json.dumps(result.data | {"format": 99}), "format must be 1, not 99"),
        (out.read_text().replace('"clock_fj": ', '"clock_fj": 1e999, "x": ', 1), "must be finite"),
    ):
        bad.write_text(text)
        with pytest.raises(ValueError, match=re.escape(message)):
            read(bad)


def test_command(cache, tmp_path):
    out = tmp_path / "out.json"
    options = ["--rows", "1", "--cols", "1", "--lanes", "1", "--planes", "8", "-k", "2"]
    options += ["--max-reduction", "300", "--images", "1", "--label", "tiny", "--out", str(out)]
    options += ["--cache", str(cache)]
    liberty = str(write_tiny(tmp_path))
    result = CliRunner().invoke(app, ["characterise", "--liberty", liberty, *options])
    assert result.exit_code == 0, result.output
    assert "1 lanes x 8 planes, tiny" in result.output
    provenance = read(out).data["provenance"]
    assert provenance["workload"]["network"] == "digits"
    assert set(provenance["library"]["files_sha256"]) == {"tiny.lib"}


SMALL = [
    *("--rows", "1", "--cols", "1", "-k", "2", "--max-reduction", "300", "--images", "1"),
    *("--label", "tiny"),
]


def test_shapes_on_a_worker(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    options = ["characterise", "--liberty", "tiny.lib", *SMALL, "--cache", str(cache)]
    result = CliRunner().invoke(app, [*options, "--shapes", "1x8,2x8", "--workers", "1"])
    assert result.exit_code == 0, result.output
    for lanes in (1, 2):
        found = read(tmp_path / f"build/energy/tiny_l{lanes}_p8.json")
        assert (found.data["lanes"], found.data["planes"]) == (lanes, 8)
        assert f"{lanes} lanes x 8 planes, tiny" in result.output
    alone = ["--lanes", "1", "--planes", "8", "--out", "alone.json"]
    assert CliRunner().invoke(app, [*options, *alone]).exit_code == 0
    own = (tmp_path / "build/energy/tiny_l1_p8.json").read_bytes()
    assert (tmp_path / "alone.json").read_bytes() == own


def test_a_shape_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    options = ["characterise", "--liberty", "tiny.lib", *SMALL, "--shapes", "1x8,2x8"]
    result = CliRunner().invoke(app, [*options, "--workers", "0", "--hold-out-size", "8*8"])
    assert result.exit_code == 1
    for lanes in (1, 2):
        message = f"{lanes} lanes x 8 planes: Size must be ROWSxCOLS, as 8x8, not '8*8'"
        assert message in result.output
    for shapes in ("1x8,", "1x8,1x8", "8"):
        message = f"^--shapes must be LANESxPLANES, as 16x2,8x1, each once, not '{shapes}'$"
        with pytest.raises(ValueError, match=message):
            CliRunner().invoke(app, [*options[:-1], shapes], catch_exceptions=False)


def test_size_option(tmp_path):
    options = ["--liberty", str(write_tiny(tmp_path)), "--hold-out-size", "8*8"]
    with pytest.raises(ValueError, match=r"^Size must be ROWSxCOLS, as 8x8, not '8\*8'$"):
        CliRunner().invoke(app, ["characterise", *options], catch_exceptions=False)
