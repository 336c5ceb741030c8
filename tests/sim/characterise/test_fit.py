"""Energies of events, from runs made up by laws that the fit must find."""

from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise.fit import Beside, fit
from truncmac.sim.characterise.idle import IdleRuns
from truncmac.sim.characterise.measure import Measured, PlaceEnergy, TimedEnergy
from truncmac.sim.energy.figures import CoreFigures, PlaceFigures, WidthFigures
from truncmac.sim.energy.model import Characterisation, output_fj
from truncmac.sim.energy.places import PLACES, Counts
from truncmac.sim.energy.switching import Switching

SIZES = [ArrayConfig(4, 4, requantisers=1), ArrayConfig(8, 8, requantisers=4)]
SHAPES = {(c.rows, c.cols): c for c in SIZES}
MEANS = Switching(density=0.2, weight_toggles=0.5, adder_toggles=60.0, sum_toggles=12.0)
COUNTS = [
    Counts(cycles=260, chunks=240, beats=30, tiles=6),
    Counts(cycles=69, chunks=48, beats=6, tiles=6),
    Counts(cycles=450, chunks=400, beats=50, tiles=5, waiting=20, held=10),
]
SWITCHING = [
    MEANS,
    Switching(density=0.1, weight_toggles=0.2, adder_toggles=35.0, sum_toggles=9.0),
    Switching(density=0.5, weight_toggles=0.4, adder_toggles=240.0, sum_toggles=16.0),
]


def run(name, config, counts, switching, data, clock=0.0, used=(1.0, 1.0)):
    """A run in which the place takes `data` and `clock` fJ, and glitches add a quarter."""
    return Measured(
        layer="conv",
        bits=8,
        rows=config.rows,
        cols=config.cols,
        counts=counts,
        switching=switching,
        rows_used=used[0],
        columns_used=used[1],
        macs=1.0,
        layer_macs=1,
        places={name: PlaceEnergy(data, clock, 0.0)},
        timed={name: TimedEnergy(1.25, 1.0)},
        totals_fj=[data] * 3,
        outputs=1,
        mismatches=0,
    )


def runs(name, law, clock=lambda config, counts, data: 1.0):
    """Of each size, layers whose place takes what the laws say."""
    return [
        run(name, config, counts, data, law(config, counts, data), clock(config, counts, data))
        for config in SIZES
        for counts, data in zip(COUNTS, SWITCHING, strict=True)
    ]


def assert_predicted(name, found, m):
    """`Characterisation.energy` gives what the run took, and a quarter of the data for glitches."""
    model = Characterisation(
        CoreFigures(
            lanes=SIZES[0].lanes,
            planes=SIZES[0].planes,
            sizes=(),
            places={name: PlaceFigures(area_um2=0.0, leakage_nw=0.0, root_clock_fj=0.0)},
            bits={8: WidthFigures(MEANS, {name: found}, {})},
            outputs_compared=0,
            provenance=None,
        )
    )
    data, clock, _ = m.places[name]
    for glitches, factor in ((False, 1.0), (True, 1.25)):
        parts = model.energy(
            SHAPES[m.rows, m.cols],
            m.counts,
            8,
            switching=m.switching,
            rows_used=m.rows_used,
            columns_used=m.columns_used,
            period_ps=1000.0,
            glitches=glitches,
        )
        assert parts.pop("clock") == pytest.approx(clock / 1e3)
        assert parts.pop(PLACES[name].component) == pytest.approx(factor * data / 1e3)
        assert not any(parts.values())


def used_parts(config):
    """Of rows and columns: with a single row, with a single column in use."""
    return (1 / config.rows, 1.0), (1.0, 1 / config.cols)


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("multiply_add", "adder_toggles"),
        ("weight_registers", "weight_toggles"),
        ("activation_registers", "density"),
    ],
)
def test_a_line_over_what_the_place_follows(name, follows):
    place = PLACES[name]
    idle_rows, idle_columns = 20.0 * place.idle_rows, 20.0 * place.idle_columns

    def law(config, counts, data, used=(1.0, 1.0)):
        each = 100.0 + 4.0 * getattr(data, follows)
        rows, columns = place.idle(*used)
        each = each * place.use(*used) + rows * idle_rows + columns * idle_columns
        return each * counts.of(place.event) * place.work(config)

    def clock(config, counts, data, used=(1.0, 1.0)):
        steady = 25.0 * counts.of(place.event) * place.clock_work(config)
        return steady + 0.125 * law(config, counts, data, used)

    def single(config, used):
        data = SWITCHING[1]
        taken = (of(config, COUNTS[0], data, used) for of in (law, clock))
        return run(name, config, COUNTS[0], data, *taken, used)

    fitted = runs(name, law, clock)
    beside = [IdleRuns(fitted[0], *(single(c, used) for used in used_parts(c))) for c in SIZES]
    found = fit(name, fitted, SHAPES, MEANS, Beside(idle=beside))
    assert found.fj == pytest.approx(100.0 + 4.0 * getattr(MEANS, follows))
    assert found.slope_fj == pytest.approx(4.0)
    assert (found.clock_fj, found.clock_share) == pytest.approx((25.0, 0.125))
    assert found.glitch_factor == pytest.approx(1.25)
    assert (found.idle_rows_fj, found.idle_columns_fj) == pytest.approx((idle_rows, idle_columns))
    for m in [*fitted, *Beside(idle=beside).singles]:
        assert_predicted(name, found, m)


def test_control_takes_energy_in_chunks_and_in_cycles_that_work():
    def law(config, counts, data):
        return 50.0 * counts.chunks + (counts.cycles - counts.waiting - counts.held) * 7.0

    def clock(config, counts, data):
        return 80.0 * counts.chunks + (counts.cycles - counts.waiting - counts.held) * 9.0

    found = fit("control", runs("control", law, clock), SHAPES, MEANS)
    assert found.fj == pytest.approx(50.0)
    assert found.slope_fj == pytest.approx(0.0, abs=1e-9)
    assert (found.cycle_fj, found.clock_fj) == (pytest.approx(7.0), pytest.approx(80.0))
    assert found.cycle_clock_fj == pytest.approx(9.0)
    for m in runs("control", law, clock):
        assert_predicted("control", found, m)


def test_sums_are_in_proportion_to_their_toggles():
    place = PLACES["shadow_registers"]

    def law(config, counts, data):
        return 3.0 * data.sum_toggles * counts.tiles * place.work(config)

    found = fit("shadow_registers", runs("shadow_registers", law), SHAPES, MEANS)
    assert found.fj == pytest.approx(3.0 * MEANS.sum_toggles)


CODES, RAW = {4: 900.0, 2: 500.0}, {4: 400.0, 2: 300.0}


def output_runs():
    """Of codes, of raw sums, and of raw sums with one row in use."""
    work = PLACES["requantiser"].work

    def codes(config, counts, data):
        level = CODES[config.share] + 60.0 * (data.sum_toggles - MEANS.sum_toggles)
        return level * counts.tiles * work(config)

    def raw(config, switching):
        level = RAW[config.share] + 25.0 * (switching.sum_toggles - MEANS.sum_toggles)
        counts = Counts(cycles=53, chunks=32, beats=4, tiles=2, raw_tiles=2)
        return run("requantiser", config, counts, switching, level * 2 * work(config))

    fitted = runs("requantiser", codes) + [raw(config, MEANS) for config in SIZES]
    calm = replace(MEANS, sum_toggles=2.5)
    return fitted, [raw(config, calm) for config in SIZES]


def test_outputs_of_codes_and_of_raw_sums_follow_their_toggles():
    fitted, sparse = output_runs()
    found = fit("requantiser", fitted, SHAPES, MEANS, Beside(sparse=sparse))
    assert found.shares == (2, 4)
    assert found.codes_fj == pytest.approx([CODES[2], CODES[4]])
    assert found.raw_fj == pytest.approx([RAW[2], RAW[4]])
    assert found.fj_per_toggle == pytest.approx(60.0)
    assert found.raw_fj_per_toggle == pytest.approx(25.0)
    for m in sparse:
        config = SHAPES[m.rows, m.cols]
        each = output_fj(found, config, m.counts, 2.5 - MEANS.sum_toggles)
        work = m.counts.tiles * PLACES["requantiser"].work(config)
        assert each * work == pytest.approx(m.places["requantiser"].data_fj)


def test_without_raw_layers_raw_sums_cost_as_codes_do():
    fitted, _ = output_runs()
    found = fit("requantiser", fitted[:-2], SHAPES, MEANS)
    assert found.raw_fj == found.codes_fj
    assert found.raw_fj_per_toggle == found.fj_per_toggle


def test_a_network_of_raw_layers_alone():
    fitted, sparse = output_runs()
    found = fit("requantiser", fitted[-2:], SHAPES, MEANS, Beside(sparse=sparse))
    assert found.codes_fj == found.raw_fj == pytest.approx([RAW[2], RAW[4]])
    assert found.fj_per_toggle == found.raw_fj_per_toggle == pytest.approx(25.0)


def test_a_place_that_did_nothing_takes_nothing():
    found = fit("residuals", runs("residuals", lambda *_: 0.0), SHAPES, MEANS)
    assert (found.fj, found.clock_fj, found.glitch_factor) == (0.0, 0.0, 1.0)
