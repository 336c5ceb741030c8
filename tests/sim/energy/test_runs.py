"""The model against energies measured on netlists: every prediction is computed here.

The runs are those of data/runs.json. Figures come from some of them; networks and arrays that are
held out test what the figures are good for.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from tools.energy_runs import read_table
from truncmac.golden import (
    builtin_images,
    builtin_network,
    example_images,
    example_network,
    network_gemms,
)
from truncmac.sim.characterise.measure import TILES
from truncmac.sim.characterise.parts import parts, used_part
from truncmac.sim.cycles.closed_form import count_jobs
from truncmac.sim.cycles.points import Products, Sizes, Start
from truncmac.sim.energy.figures import available
from truncmac.sim.energy.model import Characterisation, load
from truncmac.sim.energy.runs import layer_error, network_errors, predicted_pj, without_stalls
from truncmac.sim.energy.switching import mean_switching

SHAPES = [pytest.param(*entry, id="-".join(map(str, entry))) for entry in available()]
NETWORK_ERROR, LAYER_ERROR = 0.03, 0.05
MEAN_ERROR = 0.015  # of the layers of an array
TABLE = read_table()
HELD_ARRAYS = {(16, 16)}


@lru_cache
def runs_and_errors(library, lanes, planes):
    """Runs of a PE shape, each with the model's error on it."""
    figures = load(lanes, planes, library)
    runs = TABLE.runs_of(library, lanes, planes)
    return [(run, layer_error(figures, run)) for run in runs]


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_networks_that_no_figure_comes_from_are_predicted(library, lanes, planes):
    figures = load(lanes, planes, library)
    held = [run for run in TABLE.runs_of(library, lanes, planes) if run.held_out]
    found = network_errors(figures, held)
    own = {(size.rows, size.cols) for size in figures.figures.sizes}
    shapes = {(entry.config.rows, entry.config.cols, entry.network) for entry in found}
    assert shapes == {(*size, "resnet20") for size in own} | {(16, 16, "digits")}
    for entry in found:
        assert abs(entry.error) <= NETWORK_ERROR, entry
    assert {entry.bits for entry in found if entry.network == "resnet20"} == set(figures.bits)


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_layers_are_predicted(library, lanes, planes):
    """Those that the figures come from too."""
    errors = runs_and_errors(library, lanes, planes)
    assert len(errors) >= 112
    for run, error in errors:
        assert abs(error) <= LAYER_ERROR, run


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_no_array_is_predicted_too_high_or_too_low(library, lanes, planes):
    by_array = {}
    for run, error in runs_and_errors(library, lanes, planes):
        if not run.paused:
            by_array.setdefault((run.config.rows, run.config.cols), []).append(error)
    assert set(by_array) >= {(4, 4), (8, 8), *HELD_ARRAYS}
    for array, own in by_array.items():
        assert abs(np.mean(own)) <= MEAN_ERROR, array


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_stalled_cycles_are_not_free(library, lanes, planes):
    """Without what stalls cost, each run with pauses is predicted lower."""
    free = without_stalls(load(lanes, planes, library))
    paused = [entry for entry in runs_and_errors(library, lanes, planes) if entry[0].paused]
    assert paused
    assert all(layer_error(free, run) < error for run, error in paused)
    assert any(layer_error(free, run) < -LAYER_ERROR for run, _ in paused)


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_areas_of_arrays_that_no_figure_comes_from_are_predicted(library, lanes, planes):
    (array,) = TABLE.arrays_of(library, lanes, planes)
    assert (array.config.rows, array.config.cols) in HELD_ARRAYS
    predicted = sum(load(lanes, planes, library).area(array.config).values())
    assert predicted == pytest.approx(sum(array.area_um2.values()), rel=0.02)


def test_a_networks_layers_count_as_often_as_it_needs_them():
    figures = load(16, 2)
    first, second = [
        run
        for run in TABLE.runs_of("ihp-sg13g2", 16, 2)
        if run.network == "digits" and run.network_bits == 8 and run.config.rows == 4
    ][1:3]
    (found,) = network_errors(figures, [first, second, replace(first, paused=True)])
    often = [run.layer_macs / run.macs for run in (first, second)]
    predicted, measured = (
        sum(of(run) * times for run, times in zip((first, second), often, strict=True))
        for of in (lambda run: predicted_pj(figures, run), lambda run: run.measured_pj)
    )
    assert found.error == pytest.approx(predicted / measured - 1)
    assert found.pj_per_mac == pytest.approx(measured / (first.layer_macs + second.layer_macs))


def test_leakage_and_glitches_are_no_part_of_a_prediction():
    """Nor do they matter where they are a thousand times what they are; all else does."""
    figures = load(16, 2)
    run = TABLE.runs_of("ihp-sg13g2", 16, 2)[0]
    plain = predicted_pj(figures, run)
    parts = figures.energy(
        *(run.config, run.counts, run.bits),
        switching=run.switching,
        rows_used=run.rows_used,
        columns_used=run.columns_used,
        glitches=False,
    )
    assert parts["leakage"] > 0
    assert plain == pytest.approx(sum(parts.values()) - parts["leakage"], rel=1e-12)
    leaking = {
        name: replace(own, leakage_nw=1e3 * own.leakage_nw)
        for name, own in figures.figures.places.items()
    }
    width = figures.figures.bits[run.bits]
    glitching = {name: replace(own, glitch_factor=1e3) for name, own in width.places.items()}
    other = replace(
        figures.figures,
        places=leaking,
        bits=figures.figures.bits | {run.bits: replace(width, places=glitching)},
    )
    assert predicted_pj(Characterisation(other), run) == pytest.approx(plain, rel=1e-12)


def test_without_stalls_only_what_they_cost_is_gone():
    figures = load(16, 2).figures
    free = without_stalls(load(16, 2)).figures
    nothing = dict.fromkeys(("waiting_fj", "waiting_clock_fj", "held_fj", "held_clock_fj"), 0.0)
    assert any(own.held_fj for own in figures.bits[8].places.values())
    expected = {
        k: replace(
            width, places={name: replace(own, **nothing) for name, own in width.places.items()}
        )
        for k, width in figures.bits.items()
    }
    assert free == replace(figures, bits=expected)


@lru_cache
def layers_of(network, bits):
    """Layers of a network at k, on the images that were measured."""
    if network == "digits":
        return network_gemms(builtin_network(), builtin_images()[0][:16], bits)
    return network_gemms(example_network(network), example_images(network, 1), bits)


@pytest.mark.parametrize(
    ("size", "lanes", "planes", "network", "bits"),
    [
        (4, 16, 2, "digits", 8),
        (4, 16, 2, "resnet20", 1),
        (4, 1, 8, "digits", 1),
        (8, 8, 1, "digits", 1),
    ],
)
def test_the_table_has_what_the_data_and_the_cycle_model_give(size, lanes, planes, network, bits):
    """Events, what toggles, and what of the tiles holds outputs, of layers that did not pause."""
    runs = [
        run
        for run in TABLE.runs_of("ihp-sg13g2", lanes, planes)
        if (run.config.rows, run.config.cols, run.network) == (size, size, network)
        and run.network_bits == bits
        and not run.paused
    ]
    assert len(runs) == (5 if network == "digits" else 6)
    gemms = {gemm.name: gemm for gemm in layers_of(network, bits)}
    for run in runs:
        gemm = gemms[run.layer]
        cut, used = parts(gemm, run.config, TILES), used_part(gemm, run.config)
        assert (run.bits, run.layer_macs) == (gemm.bits, pytest.approx(gemm.macs, rel=1e-5))
        assert (run.rows_used, run.columns_used) == pytest.approx(used, rel=1e-5)
        macs = used[0] * used[1] * np.mean([part.macs for part in cut])
        assert run.macs == pytest.approx(macs, rel=1e-5)
        assert vars(run.counts) == counts_of(cut[0], run.config)
        found = mean_switching(cut, run.config, used)
        assert vars(run.switching) == pytest.approx(vars(found), rel=1e-5)


def counts_of(part, config):
    """Events of a part of a layer by the closed form, from reset."""
    every, _ = count_jobs(Products.of([part]), Sizes.of(config), Start.at_reset())
    (counters,) = every.rows()
    names = ("activations", "weights", "parameters")
    return {
        **{name: counters[name] for name in ("cycles", "chunks", "beats", "tiles")},
        "sets": int(part.requant is not None),
        "residual_rows": 0 if part.residual is None else part.rows,
        "raw_tiles": counters["tiles"] if part.requant is None else 0,
        "waiting": sum(counters[f"stalled_{name}"] for name in names),
        "held": counters["stalled_output"],
    }
