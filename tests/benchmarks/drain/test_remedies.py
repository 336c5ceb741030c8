"""What each way to drain is made of."""

from types import SimpleNamespace

import pytest

from benchmarks.drain.remedies import remedies
from benchmarks.drain.ways import Way
from truncmac.hw.config import ArrayConfig

ARRAY = ArrayConfig(rows=8, cols=8, requantisers=4)


class MadeUp(SimpleNamespace):
    """Areas of which each has a digit of its own."""

    core, edge, memory, buffers, requantiser, copy = 1e6, 1000.0, 10.0, 200.0, 50.0, 3e5

    def serial(self, cycles):
        return 50.0 - cycles

    def queue(self, rows):
        return 1e4 * rows


@pytest.fixture(scope="module")
def found():
    return {(each.name, each.units): each for each in remedies(ARRAY, (2, 4))}


@pytest.mark.parametrize(
    ("name", "units", "way", "area"),
    [
        ("a row at once", "4", Way(2), 1e6),
        ("a row at once", "2", Way(4), 1e6),
        ("two rows at once", "2 x 8", Way(1, rows_at_once=2), 1e6),
        ("two rows at once", "2 x 4", Way(2, rows_at_once=2), 1e6 + 1000 + 200 - 4 * 10),
        ("queue of a tile", "2", Way(4, queue=8), 1e6 + 8e4),
        ("two copies of the sums", "4", Way(2, copies=2), 1e6 + 3e5),
        ("queue of a tile, units of 2 cycles", "8", Way(2, queue=8), 1e6 - 8 * 2 + 8e4),
        ("queue of a tile, units of 4 cycles", "8", Way(4, queue=8), 1e6 - 8 * 4 + 8e4),
    ],
)
def test_ways_are_composed_of_parts(found, name, units, way, area):
    each = found[name, units]
    assert each.way == way
    assert each.area(MadeUp(config=each.config)) == area
    assert each.config.requantisers == (16 if units == "2 x 8" else int(units.split()[-1]))


def test_only_what_the_core_can_be_configured_to_is_built(found):
    built = [each for each in found.values() if each.built]
    assert [each.units for each in built] == ["2", "4", "2 x 8"]
    assert all(each.way == Way.of(each.config) for each in built)
    assert len(found) == 2 * 4 + 2 + 1


def test_two_rows_at_once_are_built_for_an_output_unit_a_column_alone():
    """Two for each column are one configuration; fewer for each row are not."""
    found = [each for each in remedies(ARRAY, (4, 8)) if each.name == "two rows at once"]
    assert [(each.units, each.built) for each in found] == [("2 x 4", False), ("2 x 8", True)]
