"""Energies by hand from figures of round numbers, and plausible ones from those of the package."""

from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import (
    CoreFigures,
    EventFigures,
    PlaceFigures,
    WidthFigures,
    available,
)
from truncmac.sim.energy.model import PARTS, Characterisation, load, output_fj
from truncmac.sim.energy.places import PLACES, Counts
from truncmac.sim.energy.switching import Switching

SHAPES = [pytest.param(*entry, id="-".join(map(str, entry))) for entry in available()]

# 4 x 8 elements: two clusters beside each other, each with 4 rows; two columns share a unit
CONFIG = ArrayConfig(4, 8, 16, 2, requantisers=4)
COUNTS = Counts(
    cycles=1000,
    chunks=400,
    beats=200,
    tiles=10,
    sets=3,
    residual_rows=8,
    raw_tiles=4,
    waiting=100,
    held=50,
)
MEANS = Switching(density=0.2, weight_toggles=0.5, adder_toggles=40.0, sum_toggles=10.0)
NOTHING = EventFigures(fj=0.0, slope_fj=0.0, clock_fj=0.0, glitch_factor=1.0)


def model_of(place="control", *, area_um2=0.0, leakage_nw=0.0, root_clock_fj=0.0, **figures):
    """A model in which one place takes energy, at k = 8."""
    return Characterisation(
        CoreFigures(
            lanes=16,
            planes=2,
            sizes=(),
            places={place: PlaceFigures(area_um2, leakage_nw, root_clock_fj)},
            bits={8: WidthFigures(MEANS, {place: replace(NOTHING, **figures)}, {})},
            outputs_compared=0,
            provenance=None,
        )
    )


def energy(model, **options):
    """Parts that are not zero."""
    parts = model.energy(CONFIG, COUNTS, 8, period_ps=2000.0, **options)
    assert tuple(parts) == PARTS
    return {name: value for name, value in parts.items() if value}


@pytest.mark.parametrize(
    ("place", "part", "expected_fj"),
    [
        ("multiply_add", "multiply_add", 5 * 400 * 4 * 8),
        ("weight_registers", "registers", 5 * 400 * 1 * 8),
        ("activation_registers", "registers", 5 * 200 * 4 * 2),
        ("shift_add", "accumulate", 5 * 400 * 4 * 8),
        ("accumulator", "accumulate", 5 * 200 * 4 * 8),
        ("shadow_registers", "drain", 5 * 10 * 8 * (4 + 3 + 2 + 1)),
        ("row_sum", "edges", 5 * 200 * 4),
        ("weight_skew", "registers", 5 * 400 * 8 * (0 + 1) / 2),
        ("parameter_memory", "edges", 5 * 3 * 8),
        ("requantiser", "edges", 5 * 10 * 4 * 8),
        ("residuals", "edges", 5 * 8 * 8),
        ("control", "edges", 5 * 400),
    ],
)
def test_data_take_energy_in_the_events_of_their_place(place, part, expected_fj):
    assert energy(model_of(place, fj=5.0)) == pytest.approx({part: expected_fj / 1e3})


def test_each_place_belongs_to_the_part_that_it_names():
    for name, place in PLACES.items():
        work = COUNTS.of(place.event) * place.work(CONFIG)
        found = energy(model_of(name, fj=5.0))
        assert found == pytest.approx({place.component: 5 * work / 1e3} if work else {})


DATA_PJ = 5 * 400 * 32 / 1e3  # of multipliers and adders at 5 fJ


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"clock_fj": 2.0}, {"clock": 2 * 400 * 32 / 1e3}),
        ({"fj": 5.0, "clock_share": 0.25}, {"multiply_add": DATA_PJ, "clock": DATA_PJ / 4}),
        ({"waiting_fj": 3.0}, {"multiply_add": 3 * 32 * 100 / 1e3}),
        ({"waiting_clock_fj": 3.0}, {"clock": 3 * 32 * 100 / 1e3}),
        ({"held_fj": 3.0}, {"multiply_add": 3 * 32 * 50 / 1e3}),
        ({"held_clock_fj": 3.0}, {"clock": 3 * 32 * 50 / 1e3}),
        ({"cycle_fj": 3.0}, {"multiply_add": 3 * (1000 - 100 - 50) / 1e3}),
        ({"cycle_clock_fj": 3.0}, {"clock": 3 * (1000 - 100 - 50) / 1e3}),
        ({"root_clock_fj": 2.0}, {"clock": 2 * 32 * 1000 / 1e3}),
        # 7 nW of each element, for 1000 cycles of 2 ns
        ({"leakage_nw": 7.0}, {"leakage": 7e-9 * 32 * 1000 * 2e-9 / 1e-12}),
        ({"fj": -5.0, "cycle_fj": 1.0}, {}),  # a fitted line may be below zero; energy is not
    ],
)
def test_what_each_figure_adds(figures, expected):
    assert energy(model_of("multiply_add", **figures)) == pytest.approx(expected)


def test_glitches_are_of_the_data_that_events_move():
    figures = {"fj": 5.0, "glitch_factor": 1.5, "clock_share": 0.25, "waiting_fj": 3.0}
    waiting = 3 * 32 * 100 / 1e3
    model = model_of("multiply_add", **figures)
    with_glitches, without = energy(model), energy(model, glitches=False)
    assert with_glitches == pytest.approx(
        {"multiply_add": 1.5 * DATA_PJ + waiting, "clock": DATA_PJ / 4}
    )
    assert without == pytest.approx({"multiply_add": DATA_PJ + waiting, "clock": DATA_PJ / 4})


@pytest.mark.parametrize(
    ("place", "follows", "expected_fj"),
    [
        ("activation_registers", {"density": 0.5}, 5 + 10 * 0.3),
        ("weight_registers", {"weight_toggles": 0.1}, 5 - 10 * 0.4),
        ("multiply_add", {"adder_toggles": 41.0}, 5 + 10 * 1),
        ("shadow_registers", {"sum_toggles": 15.0}, 5 * 1.5),  # in proportion
        ("multiply_add", {"density": 0.5, "weight_toggles": 0.1, "sum_toggles": 15.0}, 5),
    ],
)
def test_energy_follows_what_toggles(place, follows, expected_fj):
    model = model_of(place, fj=5.0, slope_fj=10.0)
    (plain,) = energy(model, switching=MEANS).values()
    (found,) = energy(model, switching=replace(MEANS, **follows)).values()
    assert energy(model).popitem()[1] == plain
    assert found == pytest.approx(plain * expected_fj / 5)


@pytest.mark.parametrize(
    ("place", "expected_fj"),
    [
        # A quarter of the rows and half of the columns; where both are idle, nothing toggles
        ("multiply_add", 8 * 0.25 * 0.5 + 20 * 0.75 * 0.5 + 12 * 0.5 * 0.25),
        ("weight_registers", 8 * 0.5 + 12 * 0.5),  # all rows share a weight
        ("activation_registers", 8 * 0.25 + 20 * 0.75),
        ("tokens", 8),
    ],
)
def test_idle_rows_and_columns_take_less(place, expected_fj):
    figures = {"fj": 8.0}
    if PLACES[place].idle_rows:
        figures["idle_rows_fj"] = 20.0
    if PLACES[place].idle_columns:
        figures["idle_columns_fj"] = 12.0
    model = model_of(place, **figures)
    (full,) = energy(model).values()
    (part,) = energy(model, rows_used=0.25, columns_used=0.5).values()
    assert part == pytest.approx(full * expected_fj / 8)


def test_sums_of_idle_rows_are_in_their_toggles():
    """If it is known what toggles, what is idle does not count again."""
    model = model_of("shadow_registers", fj=8.0)
    used = {"rows_used": 0.25, "columns_used": 0.5}
    assert energy(model, switching=MEANS, **used) == energy(model, switching=MEANS)
    assert energy(model, **used)["drain"] == pytest.approx(energy(model)["drain"] / 8)


OUTPUTS = replace(
    NOTHING,
    fj=12.0,
    shares=(1, 4),
    codes_fj=(10.0, 20.0),
    raw_fj=(4.0, 10.0),
    fj_per_toggle=2.0,
    raw_fj_per_toggle=0.5,
)


@pytest.mark.parametrize(("requantisers", "codes", "raw"), [(4, 10, 4), (1, 20, 10)])
def test_outputs_cost_by_the_columns_that_share_their_unit(requantisers, codes, raw):
    config = ArrayConfig(4, 4, 16, 2, requantisers=requantisers)
    counts = Counts(100, 80, 10, tiles=4, raw_tiles=1)
    mixed = codes * 0.75 + raw * 0.25
    assert output_fj(OUTPUTS, config, counts) == pytest.approx(mixed)
    # Two toggles fewer: 4 fJ less of a code, 1 fJ less of a raw sum
    fewer = (codes - 4) * 0.75 + (raw - 1) * 0.25
    assert output_fj(OUTPUTS, config, counts, -2.0) == pytest.approx(fewer)
    assert output_fj(OUTPUTS, config, counts, -50.0) == 0.0


def test_outputs_of_shares_between_those_measured_and_of_none():
    config = ArrayConfig(4, 4, 16, 2, requantisers=2)
    assert output_fj(OUTPUTS, config, Counts(100, 0, 0, tiles=0)) == pytest.approx(40 / 3)
    assert output_fj(NOTHING, config, Counts(100, 0, 0, tiles=0)) == 0.0


def test_an_output_in_the_energy_of_a_run():
    """Two columns share a unit, a third of the way from one column to four; of 10 tiles 4 are raw.

    Idle rows and columns count by the place's own level, 12 fJ.
    """
    figures = {**vars(OUTPUTS), "idle_rows_fj": 6.0, "idle_columns_fj": 3.0}
    model = model_of("requantiser", **figures)
    level = 0.6 * (10 + 10 / 3) + 0.4 * (4 + 6 / 3)
    outputs = 10 * 4 * 8
    assert energy(model) == pytest.approx({"edges": level * outputs / 1e3})
    found = energy(model, rows_used=0.25, columns_used=0.5)
    used = 0.25 * 0.5 + (6 * 0.75 * 0.5 + 3 * 0.5 * 0.25) / 12
    assert found == pytest.approx({"edges": level * used * outputs / 1e3})
    more = energy(model, switching=replace(MEANS, sum_toggles=11.0))
    assert more == pytest.approx({"edges": (level + 0.6 * 2 + 0.4 * 0.5) * outputs / 1e3})


def test_area_by_component():
    found = model_of("accumulator", area_um2=3.0).area(CONFIG)
    assert {name: area for name, area in found.items() if area} == {"accumulate": 3 * 32}


def test_many_arrays_at_once_are_as_one_after_the_other():
    model = load(16, 2)
    configs = [ArrayConfig(4, 8, 16, 2), ArrayConfig(16, 16, 16, 2)]
    cycles = np.array([[1000.0, 2000.0], [500.0, 800.0]])
    counts = Counts(cycles, 0.8 * cycles, 0.2 * cycles, cycles / 100, waiting=cycles / 10)
    used = np.array([[0.5, 1.0], [0.75, 1.0]])
    period = np.array([[5000.0], [8000.0]])
    found = model.energies(configs, counts, 8, rows_used=used, columns_used=used, period_ps=period)
    for at, config in enumerate(configs):
        for run in range(2):
            single = Counts(
                *(cycles[at, run] * share for share in (1, 0.8, 0.2, 0.01)),
                waiting=cycles[at, run] / 10,
            )
            options = {"rows_used": used[at, run], "columns_used": used[at, run]}
            expected = model.energy(config, single, 8, period_ps=period[at, 0], **options)
            own = {name: np.broadcast_to(part, (2, 2))[at, run] for name, part in found.items()}
            assert own == pytest.approx(expected, rel=1e-12)
    assert model.areas(configs) == pytest.approx([sum(model.area(c).values()) for c in configs])


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_energies_of_the_packages_figures_are_plausible(library, lanes, planes):
    model = load(lanes, planes, library)
    assert {8, 4, 2, 1} <= set(model.bits)
    config = ArrayConfig(8, 8, lanes, planes)
    per_mac = {}
    for k in model.bits:
        chunks = config.chunks if planes == 8 else -(-k // planes)
        beats = 100
        counts = Counts(chunks * beats + 30, chunks * beats, beats, 1, 1)
        parts = model.energy(config, counts, k)
        assert set(parts) == set(PARTS)
        assert all(value >= 0 for value in parts.values())
        assert parts["leakage"] < 0.02 * sum(parts.values()) < parts["clock"]
        per_mac[k] = sum(parts.values()) / (config.rows * config.cols * lanes * beats)
    assert all(per_mac[a] < per_mac[b] for a, b in ((4, 8), (2, 4)))
    assert 0.05 < per_mac[8] < 20
    assert sum(model.area(config).values()) > 1e5 * (1 if "asap" not in library else 0.01)


def test_widths_are_those_measured_and_others_are_refused():
    plain = model_of("multiply_add", fj=5.0)
    width = plain.figures.bits[8]
    model = replace(plain, figures=replace(plain.figures, bits={8: width, 1: width, 4: width}))
    assert model.bits == [1, 4, 8]
    found = model.energy(CONFIG, COUNTS, 1, period_ps=2000.0)
    assert found["multiply_add"] == pytest.approx(DATA_PJ)
    message = r"^Bit-width must be one that was characterised \(1, 4, 8\), not 2$"
    with pytest.raises(ValueError, match=message):
        model.energy(CONFIG, COUNTS, 2, period_ps=2000.0)


def test_shapes_without_figures():
    message = "^No energy figures of 3 lanes x 1 planes in ihp-sg13g2. There are: asap7 "
    with pytest.raises(ValueError, match=message):
        load(3, 1)
