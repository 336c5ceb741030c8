"""A segment's buffers: how many there are, when they are needed, and which are kept apart."""

from dataclasses import replace

import pytest

from tests.sim.npu.test_bands import conv, run_of
from truncmac.golden import Machine
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.bands import cut
from truncmac.sim.npu.estimate import OVERHEAD, Estimate
from truncmac.sim.npu.layouts import Layout
from truncmac.sim.npu.segments import Segment, buffers_of, segment_cycles
from truncmac.sim.npu.steps import Step

MACHINE = Machine(
    **{"rows": 4, "cols": 4, "lanes": 2, "planes": 1, "max_reduction": 400},
    **{"groups": 3, "depth": 256, "bus_bytes": 8, "configuration": 0},
)
FLAT = Layout(2, (0, 0))


def segment_of(run, height, *, loads=False, stores=False):
    layouts = dict.fromkeys(run.shapes, FLAT)
    return Segment(run, layouts, cut(run, dict.fromkeys(run.shapes, 1), height), loads, stores)


A, B = conv("a", "x", 12, 12), conv("b", "a", 12, 12)


def lives(segment, others=()):
    return {
        buffer.key: (buffer.first, buffer.last) for buffer in buffers_of([segment], MACHINE, others)
    }


def test_buffers_of_a_band_that_is_loaded_used_and_stored():
    run = run_of(A, B, loaded=("x",), stored=("b",))
    found = lives(segment_of(run, 4))
    # It loads at 0, steps are at 1 and 2, it stores at 3
    assert found == {("x", 0, 0): (0, 1), ("a", 0, 0): (1, 2), ("b", 0, 0): (2, 3)}


def test_what_is_loaded_and_stored_beside_has_two_buffers_all_the_time():
    run = run_of(A, B, loaded=("x",), stored=("b",))
    found = lives(segment_of(run, 4, loads=True, stores=True))
    assert {key for key, life in found.items() if life == (0, 3)} == {
        *(("x", 0, 0), ("x", 0, 1), ("b", 0, 0), ("b", 0, 1))
    }
    assert found["a", 0, 0] == (1, 2)


def test_whole_maps_live_from_segment_to_segment():
    first = segment_of(run_of(A, resident=("x", "a")), 12)
    banded = segment_of(run_of(replace(B, target="b"), resident=("a",), stored=("b",)), 4)
    found = {b.key: (b.first, b.last) for b in buffers_of([first, banded], MACHINE)}
    # Of a map that is read by bands all is needed till the last band
    assert found == {("x", -1, 0): (1, 1), ("a", -1, 0): (1, 5), ("b", 1, 0): (4, 5)}
    assert lives(first, [7])["", -1, 0][0] == 0


def test_words_are_those_of_the_largest_band():
    run = run_of(A, B, loaded=("x",), stored=("b",))
    words = {b.key[0]: b.words for b in buffers_of([segment_of(run, 4)], MACHINE)}
    # One word a row: 4 rows of b, 6 of a, 8 of x
    assert words == {"x": 8, "a": 6, "b": 4}


def test_what_a_step_reads_is_apart_from_what_it_writes_for_the_same_band():
    run = run_of(A, loaded=("x",), stored=("a",))
    buffers = {b.key: b for b in buffers_of([segment_of(run, 4, loads=True)], MACHINE)}
    assert buffers["a", 0, 0].apart == {("x", 0, 0), ("x", 0, 1)}
    both = segment_of(run, 4, loads=True, stores=True)
    buffers = {b.key: b for b in buffers_of([both], MACHINE)}
    assert buffers["a", 0, 1].apart == {("x", 0, 1)}
    # The next band is loaded, and the last one stored, beside what reads the present one
    assert buffers["x", 0, 0].shuns == {("x", 0, 1), ("a", 0, 1)}


def test_a_result_may_lie_where_its_residual_did():
    added = replace(B, residual="x")
    run = run_of(added, loaded=("a", "x"), stored=("b",))
    replaced = {b.key: b.replaces for b in buffers_of([segment_of(run, 4)], MACHINE)}
    assert replaced["b", 0, 0] == ("x", 0, 0)
    for segment in (
        segment_of(run, 4, loads=True),  # the next residual is loaded meanwhile
        segment_of(run_of(A, added, loaded=("x",), stored=("b",)), 4),  # rows before the band
        segment_of(run_of(added, conv("c", "x", 12, 12), loaded=("a", "x")), 4),  # a later reader
        # A part of its rows, columns or channels is added
        *(
            segment_of(replace(run, shapes=dict(run.shapes) | {"x": shape}), 12)
            for shape in ((13, 1, 1), (12, 2, 1), (12, 1, 2))
        ),
    ):
        assert not any(b.replaces for b in buffers_of([segment], MACHINE))


class Fixed(Estimate):
    """Each step takes 100 cycles a band; a LOAD or STORE one for each code."""

    def __init__(self):
        super().__init__(NpuConfig(array=ArrayConfig(4, 4, 2, 1)), MACHINE, [{}, {}])

    def step(self, step, layout, rows):
        return 100, 10

    def transfer(self, shape, codes):
        return codes


@pytest.mark.parametrize(
    ("loads", "stores", "slow", "fast"),
    [
        # Bands load 5, 6 and 5 rows of 3 codes each, and store 4 of 3
        (False, False, 3 * 100 + 48 + 36, 3 * 10 + 48 + 36),
        (True, False, 15 + 3 * 100 + 36, 15 + 18 + 15 + 10 + 36),
        (False, True, 3 * 100 + 48 + 12, 3 * 10 + 48 + 12),
        (True, True, 15 + 3 * 100 + 12, 15 + 18 + 15 + 12 + 12),
    ],
)
def test_cycles_of_what_runs_beside_are_the_longest(loads, stores, slow, fast):
    run = run_of(A, loaded=("x",), stored=("a",))
    run = replace(run, shapes=dict.fromkeys(run.shapes, (12, 1, 3)))
    segment = segment_of(run, 4, loads=loads, stores=stores)
    image = Step(A.operation, "image", None, "image", (12, 1, 1), (12, 1, 1))
    assert segment_cycles(segment, image, Fixed()) == (slow, fast)


def test_a_loaded_image_counts_the_bytes_that_its_windows_need():
    """And the words of its packed map."""
    image = Step(
        **{"operation": A.operation, "name": "image", "source": None, "target": "x"},
        **{"source_shape": (24, 50, 3), "shape": (12, 1, 1), "kernel": (3, 1), "stride": (2, 1)},
    )
    run = run_of(A, loaded=("x",))
    (load,) = segment_cycles(
        segment_of(run, 12), image, Estimate(NpuConfig(), MACHINE, [{"a": (1, 1)}])
    )
    taken = (2 * 11 + 3) * 50 * 3
    # The window's three taps take a beat each of the 8 x 8 array's tiles of 4 rows
    assert load > taken // 8 + OVERHEAD
    assert load < taken // 8 + 10 * OVERHEAD
