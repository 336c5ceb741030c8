"""The cycle model equals the RTL's counters at random points: arrays, products, k and stalls."""

import json
from itertools import islice

import pytest

from tests.verilog.recorded import FILE, record, sweeps
from tools.sweep import PATTERNS, PRODUCTS_EACH, differences, random_sweeps

ARRAYS = 6
SEED = 20


def test_there_are_at_least_300_points():
    assert ARRAYS * PATTERNS * PRODUCTS_EACH >= 300


@pytest.mark.long
@pytest.mark.parametrize("rows_at_once", [1, 2])
@pytest.mark.parametrize("array", range(ARRAYS))
def test_model_equals_rtl(build_root, array, rows_at_once):
    sweeps = random_sweeps(SEED, rows_at_once)
    for sweep in islice(sweeps, array * PATTERNS, (array + 1) * PATTERNS):
        assert differences(sweep, build_root) == []


def test_counters_of_the_tests_of_the_model_are_those_of_the_rtl(build_root):
    """A slow array of the file that tests/sim/cycles reads, and one whose products follow."""
    recorded = [point for point in json.loads(FILE.read_text())["points"] if "stalls" in point]
    points = list(sweeps())
    assert len(recorded) == len(points)
    for index in (2, PATTERNS, -1):
        found = json.loads(json.dumps(record(points[index], build_root)))
        assert found == recorded[index]
