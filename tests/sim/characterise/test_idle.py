"""Energy of idle rows and columns, from runs made up by hand."""

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise.idle import IdleRuns, idle_figures
from truncmac.sim.characterise.measure import Measured
from truncmac.sim.energy.places import PLACES, Counts
from truncmac.sim.energy.switching import Switching

CONFIG = ArrayConfig(4, 2)
CHUNKS = 10


def run(energy, rows_used=1.0, columns_used=1.0):
    """A run in which each place takes `energy` fJ of data."""
    return Measured(
        layer="conv",
        bits=8,
        rows=CONFIG.rows,
        cols=CONFIG.cols,
        counts=Counts(cycles=20, chunks=CHUNKS, beats=5, tiles=1),
        switching=Switching(density=0.5, weight_toggles=0.5, adder_toggles=40.0, sum_toggles=8.0),
        rows_used=rows_used,
        columns_used=columns_used,
        macs=1.0,
        layer_macs=1,
        places={name: [energy, 0.0, 0.0] for name in PLACES},
        timed={},
        totals_fj=[energy] * 3,
        outputs=1,
        mismatches=0,
    )


@pytest.fixture
def figures():
    idle = {"idle_rows": run(400.0, rows_used=1 / 4), "idle_columns": run(600.0, 1.0, 1 / 2)}
    runs = [IdleRuns(run(1000.0), idle)]
    return {name: idle_figures(name, runs, {(4, 2): CONFIG}) for name in PLACES}


def test_what_the_used_part_takes_is_subtracted(figures):
    # One row of four takes 250 of the 400 fJ; the other 150 are of 3/4 of 10 events of 8 PEs
    expected = {"idle_rows_fj": 150 / (0.75 * 80), "idle_columns_fj": 100 / (0.5 * 80)}
    assert figures["multiply_add"] == pytest.approx(expected)


def test_places_that_work_whatever_rows_hold_have_none(figures):
    assert figures["tokens"] == {}
    assert set(figures["weight_registers"]) == {"idle_columns_fj"}


def test_less_than_nothing_is_nothing():
    runs = IdleRuns(
        run(1000.0), {"idle_rows": run(100.0, 1 / 4), "idle_columns": run(1.0, 1.0, 0.5)}
    )
    assert idle_figures("multiply_add", [runs], {(4, 2): CONFIG})["idle_rows_fj"] == 0.0


def test_an_array_in_part_idle_takes_both(figures):
    place, own = PLACES["multiply_add"], figures["multiply_add"]
    expected = 0.25 * 0.5 * own["idle_columns_fj"] + 0.5 * 0.75 * own["idle_rows_fj"]
    assert place.idle(own, 0.25, 0.5) == pytest.approx(expected)
    assert place.idle(own, 1.0, 1.0) == 0.0
    assert place.idle({}, 0.25, 0.5) == 0.0  # figures of an older file
