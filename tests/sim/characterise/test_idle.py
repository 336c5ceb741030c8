"""Energy of idle rows and columns, from runs made up by hand."""

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise.idle import IdleRuns, idle_figures
from truncmac.sim.characterise.measure import Measured, PlaceEnergy
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
        places={name: PlaceEnergy(energy, 0.0, 0.0) for name in PLACES},
        timed={},
        totals_fj=[energy] * 3,
        outputs=1,
        mismatches=0,
    )


@pytest.fixture
def figures():
    single_row, single_column = run(400.0, rows_used=1 / 4), run(600.0, 1.0, 1 / 2)
    runs = [IdleRuns(run(1000.0), single_row, single_column)]
    return {name: idle_figures(name, runs, {(4, 2): CONFIG}) for name in PLACES}


def test_what_the_used_part_takes_is_subtracted(figures):
    # One row of four takes 250 of the 400 fJ; the other 150 are of 3/4 of 10 events of 8 PEs
    assert figures["multiply_add"] == pytest.approx((150 / (0.75 * 80), 100 / (0.5 * 80)))


def test_places_that_work_whatever_rows_hold_have_none(figures):
    assert figures["tokens"] == (0.0, 0.0)
    rows, columns = figures["weight_registers"]
    assert rows == 0.0 < columns


def test_less_than_nothing_is_nothing():
    runs = IdleRuns(run(1000.0), run(100.0, 1 / 4), run(1.0, 1.0, 0.5))
    rows, columns = idle_figures("multiply_add", [runs], {(4, 2): CONFIG})
    assert (rows, columns) == (0.0, 0.0)
