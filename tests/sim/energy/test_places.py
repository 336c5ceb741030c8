"""Places: the scopes that belong to each, and how much of each an array has."""

import pytest

from tools.energy_runs import read_table
from truncmac.hw.config import ACTIVATION_BITS, ArrayConfig
from truncmac.sim.energy.figures import available
from truncmac.sim.energy.model import load
from truncmac.sim.energy.places import EDGE_BITS, EVENTS, PLACES, Counts, place_of

SHAPES = [pytest.param(*entry, id="-".join(map(str, entry))) for entry in available()]

# How far the area of a place on a netlist may be from what the place's size in that array says.
# Places that are not named are registers and logic that repeat: 4 %. Of the others a part does not
# repeat, or synthesis chooses other cells in another array; each is a small part of the core.
ROUGH = {
    "weight_registers": 0.25,
    "activation_registers": 0.2,
    "tokens": 0.2,
    "parameter_memory": 0.1,
    "requantiser": 0.15,
    "output_edge": 0.9,
    "results": 0.15,
    "residuals": 0.1,
    "parameter_loader": 0.3,
    "truncation": 0.15,
}
SMALL = 1e-4  # of the area of an array: places of less are not compared


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_places_have_the_area_that_the_netlists_of_all_sizes_have(library, lanes, planes):
    figures = load(lanes, planes, library).figures
    arrays = [(size.config, size.area_um2_by_place) for size in figures.sizes]
    held = read_table().arrays_of(library, lanes, planes)
    arrays += [(array.config, array.area_um2) for array in held]
    assert {(config.rows, config.cols) for config, _ in arrays} >= {(4, 4), (8, 8), (16, 16)}
    for config, areas in arrays:
        small = SMALL * sum(areas.values())
        for name, place in PLACES.items():
            predicted = figures.places[name].area_um2 * place.size(config)
            expected = pytest.approx(areas[name], rel=ROUGH.get(name, 0.04), abs=small)
            assert predicted == expected, (config, name)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("multiply_add", 48),
        ("weight_registers", 3 * 4),  # each row of clusters has a word of each column
        ("activation_registers", 12 * 1),
        ("activation_skew", 12 * (0 + 1 + 2) / 3),  # each row of clusters waits one cycle more
        ("weight_skew", 0),
        ("row_sum", 12),
        ("parameter_memory", 4),
        ("results", 2),
        ("control", 1),
    ],
)
def test_how_much_of_a_place_12_x_4_elements_have(place, expected):
    """Three clusters of 4 x 4 one below the other, and two output units."""
    config = ArrayConfig(12, 4, 16, 2, requantisers=2)
    assert (config.depth, config.breadth) == (3, 1)
    assert PLACES[place].size(config) == expected


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("truncmac_pe/chunk_sum", "multiply_add"),
        ("truncmac_cluster/weights_next", "weight_registers"),
        ("truncmac_pe/dot", "accumulator"),
        ("truncmac_pe/sums", "shadow_registers"),
        ("truncmac_row/token_3", "tokens"),
        ("truncmac_core.array/activations_0", "activation_skew"),
        ("truncmac_core.array/weights_0", "weight_skew"),
        ("truncmac_output_unit/memory[3]", "parameter_memory"),
        ("truncmac_output_unit.requantiser/bias", "requantiser"),
        ("truncmac_core.edge.endings/level", "output_edge"),
        ("truncmac_core.counters$106/values", "control"),
    ],
)
def test_places_of_scopes(scope, place):
    assert place_of(scope) == place


def test_a_drain_moves_each_sum_through_its_row_and_all_below():
    config = ArrayConfig(5, 3, 2, 2)
    moved = sum(config.cols for row in range(config.rows) for _ in range(row, config.rows))
    assert PLACES["shadow_registers"].work(config) == moved
    assert PLACES["shadow_registers"].clock_work(config) == moved


def test_where_two_rows_leave_at_once_sums_pass_every_other_row_and_the_edge_is_there_twice():
    one, two = (ArrayConfig(6, 4, 16, 2, requantisers=units) for units in (4, 8))
    moved = sum(two.cols for row in range(6) for _ in range(row, 6, 2))
    assert PLACES["shadow_registers"].work(two) == moved
    for name in ("parameter_memory", "requantiser", "results", "residuals"):
        assert PLACES[name].size(two) == 2 * PLACES[name].size(one)
    edges = [PLACES["output_edge"].size(config) - EDGE_BITS for config in (one, two)]
    assert edges[1] == 2 * edges[0] > 0
    assert PLACES["output_edge"].clock_work(two) == PLACES["output_edge"].clock_work(one)


@pytest.mark.parametrize(
    ("size", "requantisers"), [((4, 4), 2), ((8, 8), 8), ((16, 16), 16), ((6, 8), 4), ((8, 16), 2)]
)
def test_the_output_edge_clocks_the_registers_that_it_has(size, requantisers):
    """Those that `hw.edge` makes for each output unit, one after the other."""
    config = ArrayConfig(*size, 16, 2, requantisers=requantisers)
    common = config.sum_width + ACTIVATION_BITS
    codes, bits, before = config.cols * ACTIVATION_BITS, common, 0
    bits += codes
    for index in range(config.requantisers):
        start = config.unit_start(index)
        if start > before:
            bits += common + codes + (start - before) * index * config.share * config.sum_width
        codes -= config.share * ACTIVATION_BITS
        before = start
    assert PLACES["output_edge"].clock_work(config) == config.rows * bits
    assert PLACES["output_edge"].size(config) == 340 + bits  # 340 for what no row has of its own


# Of idle rows the activations are zeros, of idle columns the weights: what moves them stands still,
# and so does what is made of both. Raw results, tokens, parameters and control go on.
STILL_ROWS = {"activation_registers", "activation_skew", "row_sum", "row_sum_shadow"}
STILL_COLUMNS = {"weight_registers", "weight_skew", "truncation"}
STILL_BOTH = {"multiply_add", "shift_add", "accumulator", "shadow_registers", "requantiser"}


@pytest.mark.parametrize("name", PLACES)
def test_shares_of_rows_and_columns_that_work_and_that_are_idle(name):
    """A quarter of the rows and 60 % of the columns hold outputs."""
    rows = 0.25 if name in STILL_ROWS | STILL_BOTH else 1.0
    columns = 0.6 if name in STILL_COLUMNS | STILL_BOTH else 1.0
    place = PLACES[name]
    assert place.use(0.25, 0.6) == pytest.approx(rows * columns)
    assert place.idle(0.25, 0.6) == pytest.approx((0.75 * columns, 0.4 * rows))


def test_what_the_energy_of_each_place_follows():
    """Sums and what is made of them, weights, sums of products; the others the activations."""
    follows = dict.fromkeys(PLACES, "density") | {
        **dict.fromkeys(("weight_registers", "weight_skew", "truncation"), "weight_toggles"),
        **dict.fromkeys(("shadow_registers", "requantiser", "output_edge"), "sum_toggles"),
        "results": "sum_toggles",
        "multiply_add": "adder_toggles",
    }
    assert {name: place.follows for name, place in PLACES.items()} == follows
    assert {n for n, place in PLACES.items() if place.of_sums} == {
        n for n, what in follows.items() if what == "sum_toggles"
    }
    assert [name for name, place in PLACES.items() if place.by_cycle] == ["control"]


def test_cycles_that_work_neither_wait_nor_are_held():
    counts = Counts(cycles=100, chunks=40, beats=20, tiles=2, waiting=30, held=7)
    assert counts.working == 63
    assert [counts.of(event) for event in EVENTS] == [40, 20, 2, 0, 0]
    assert Counts(1, 1, 1, 1).working == 1 and Counts(1, 1, 1, 1).raw_tiles == 0


@pytest.mark.parametrize(
    ("place", "size", "work"),
    [
        ("shift_add", 96, 96),
        ("shadow_registers", 96, 12 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8)),
        ("weight_registers", 2 * 12, 2 * 12),
        ("activation_registers", 8 * 3, 8 * 3),
        ("activation_skew", 8 * (0 + 1) / 2, 8 * (0 + 1) / 2),
        ("weight_skew", 12 * (0 + 1 + 2) / 3, 12 * (0 + 1 + 2) / 3),
        ("row_sum_shadow", 8, 8),
        ("residuals", 12, 12),
        ("truncation", 12, 12),
        ("parameter_memory", 12, 12),
        ("requantiser", 6, 96),
        ("results", 6, 96),
        ("parameter_loader", 1, 1),
        ("control", 1, 1),
    ],
)
def test_sizes_and_work_of_8_x_12_elements(place, size, work):
    """Two clusters of 4 x 4 one below the other, three beside each other; two columns a unit."""
    config = ArrayConfig(8, 12, 16, 2, requantisers=6)
    assert (config.depth, config.breadth) == (2, 3)
    assert PLACES[place].size(config) == size
    assert PLACES[place].work(config) == work


@pytest.mark.parametrize(
    ("size", "requantisers", "taps", "drains"),
    [
        ((8, 12), 6, 2 * (5 + 1 + 1), 8 * (1 + 1 + 3)),
        ((4, 4), 4, 1 * 5, 4 * (0 + 1 + 1)),
        ((16, 8), 2, 4 * (5 + 1), 16 * (3 + 1 + 2)),
    ],
)
def test_tokens_have_taps_and_drains(size, requantisers, taps, drains):
    """A token of 5 bits has a tap for each of a cluster's 5 cycles, and one for each further one.

    A row's drain has bits for the cycles that it waits, one more, and one for each cluster.
    """
    config = ArrayConfig(*size, 16, 2, requantisers=requantisers)
    assert PLACES["tokens"].size(config) == PLACES["tokens"].work(config) == 5 * taps + drains
