"""Bands have all the rows that their windows read, and begin where operations can address them."""

from dataclasses import replace

import pytest

from truncmac.descriptors import Operation
from truncmac.golden import example_network
from truncmac.sim.npu.bands import Run, band_step, cut, pad_of, residual_rows, unit
from truncmac.sim.npu.steps import Step, network_steps
from truncmac.sim.npu.stimulus import random_network


def conv(name, source, rows, given, *, kernel=3, stride=1, pad=1, **more):
    """A window over the rows of a map that is one column wide."""
    return Step(
        **{"operation": Operation.CONV, "name": name, "source": source, "target": name},
        **{"source_shape": (rows, 1, 1), "shape": (given, 1, 1)},
        **{"kernel": (kernel, 1), "stride": (stride, 1), "padding": (pad, 0)},
        **more,
    )


def run_of(*steps, resident=(), loaded=(), stored=()):
    shapes = {}
    for step in steps:
        shapes[step.source] = step.source_shape
        if step.target is not None:
            shapes[step.target] = step.shape
        if step.residual is not None:
            stride = step.residual_stride[0]
            shapes[step.residual] = ((step.shape[0] - 1) * stride + 1, *step.shape[1:])
    return Run(steps, loaded, stored, frozenset(resident), shapes)


def blocks(run, **more):
    return dict.fromkeys(run.shapes, 1) | more


def test_a_window_needs_rows_around_its_band():
    run = run_of(conv("a", "x", 10, 10), loaded=("x",), stored=("a",))
    bands = cut(run, blocks(run), 4)
    assert [band.output for band in bands] == [(0, 4), (4, 8), (8, 10)]
    assert [band.rows["x"] for band in bands] == [(0, 5), (3, 9), (7, 10)]
    steps = [band_step(run.steps[0], band) for band in bands]
    assert [step.padding for step in steps] == [(1, 0), (0, 0), (0, 0)]
    assert [step.source_shape[0] for step in steps] == [5, 6, 3]
    assert [step.shape[0] for step in steps] == [4, 4, 2]


def test_rows_of_inner_maps_are_done_again():
    """7 x 7 with a stride of 2, then a pool of 3 x 3 with a stride of 2."""
    stem = conv("stem", "image", 64, 32, kernel=7, stride=2, pad=3)
    pool = replace(conv("pool", "stem", 32, 16, stride=2), operation=Operation.POOL)
    run = run_of(stem, pool, loaded=("image",), resident=("pool",))
    bands = cut(run, blocks(run), 4)
    assert [band.rows["stem"] for band in bands] == [(0, 8), (7, 16), (15, 24), (23, 32)]
    assert [band.rows["image"] for band in bands] == [(0, 18), (11, 34), (27, 50), (43, 64)]
    assert [pad_of(stem, band) for band in bands] == [3, 0, 0, 0]
    assert [pad_of(pool, band) for band in bands] == [1, 0, 0, 0]


def test_a_band_of_a_resident_map_begins_at_a_row_of_blocks():
    run = run_of(conv("a", "x", 12, 12), resident=("x",), stored=("a",))
    bands = cut(run, blocks(run, x=4), 3)
    assert [band.rows["x"] for band in bands] == [(0, 4), (0, 7), (4, 10), (8, 12)]
    assert [pad_of(run.steps[0], band) for band in bands] == [1, 1 - 3, 1 + 4 - 6, 1 + 8 - 9]


def test_what_is_added_begins_at_a_row_of_blocks():
    a = conv("a", "x", 12, 12)
    b = replace(conv("b", "a", 12, 12), residual="x")
    run = run_of(a, b, loaded=("x",), stored=("b",))
    assert unit(run, blocks(run, x=4)) == 4
    for band in cut(run, blocks(run, x=4), 4):
        begin, given = band.rows["x"][0], band.rows["b"][0]
        assert begin <= max(0, given - 2)
        assert (given - begin) % 4 == 0


@pytest.mark.parametrize(("stride", "size"), [(2, 8), (4, 4), (8, 4)])
def test_what_is_added_with_a_stride_begins_at_a_row_of_blocks_too(stride, size):
    a = conv("a", "x", 12 * stride, 12, stride=stride)
    b = replace(conv("b", "a", 12, 12), residual="x", residual_stride=(stride, 1))
    run = run_of(a, b, loaded=("x",), stored=("b",))
    run = replace(run, shapes=dict(run.shapes) | {"x": (12 * stride, 1, 1)})
    assert unit(run, blocks(run, x=size)) == max(1, size // stride)
    bands = cut(run, blocks(run, x=size), 4)
    assert [residual_rows(b, band.rows["b"]) for band in bands] == [
        (0, 3 * stride + 1),
        (4 * stride, 7 * stride + 1),
        (8 * stride, 11 * stride + 1),
    ]
    check(run, blocks(run, x=size), 4)


def test_a_shortcut_reads_from_a_row_of_blocks():
    """It has no field for rows to skip."""
    cut_step = replace(
        conv("s", "x", 24, 12, kernel=1, stride=2, pad=0), operation=Operation.SHORTCUT
    )
    a = conv("a", "x", 24, 12, stride=2)
    run = run_of(a, cut_step, loaded=("x",), stored=("a", "s"))
    assert unit(run, blocks(run, x=8)) == 4
    for band in cut(run, blocks(run, x=8), 4):
        assert (2 * band.rows["s"][0] - band.rows["x"][0]) % 8 == 0
        own = band_step(cut_step, band)
        assert own.source_shape[0] == band.rows["x"][1] - 2 * band.rows["s"][0]
        assert own.padding == (0, 0)


def test_no_row_is_left_out_between_bands():
    """A window of one row in three leaves rows that others may read."""
    a = conv("a", "x", 12, 12)
    b = conv("b", "a", 12, 4, kernel=1, stride=3, pad=0)
    run = run_of(a, b, loaded=("x",), stored=("a", "b"))
    assert [band.rows["a"] for band in cut(run, blocks(run), 1)] == [
        (0, 1),
        (1, 4),
        (4, 7),
        (7, 12),
    ]


def check(run, sizes, height):
    """All that holds for any bands."""
    bands = cut(run, sizes, height)
    assert [row for band in bands for row in range(*band.output)] == list(range(run.height))
    for band in bands:
        for step in run.steps:
            own, given = band_step(step, band), band.given(step)
            source = band.rows[step.source]
            for row in range(own.shape[0] * step.stride[0])[:: step.stride[0]]:
                for tap in range(step.kernel[0]):
                    real = (given[0] * step.stride[0] + row) - step.padding[0] + tap
                    local = row + tap - own.padding[0]
                    if step.operation == Operation.SHORTCUT:
                        assert local + given[0] * step.stride[0] == real
                        continue
                    # What lies in the band is the map's row, all else is outside the map
                    assert local + source[0] == real
                    inside = 0 <= local < own.source_shape[0]
                    assert inside == (0 <= real < step.source_shape[0])
            if step.residual is not None:
                first, end = residual_rows(step, given)
                assert set(range(first, end, step.residual_stride[0])) == {
                    step.residual_stride[0] * row for row in range(*given)
                }
                assert band.rows[step.residual][0] <= first
                assert band.rows[step.residual][1] >= end
                assert (first - band.rows[step.residual][0]) % sizes[step.residual] == 0
        for name in run.resident:
            assert band.rows[name][0] % sizes[name] == 0
    for name in run.made:
        height = run.shapes[name][0]
        assert {row for band in bands for row in range(*band.rows[name])} == set(range(height))


@pytest.mark.parametrize("seed", range(40))
def test_bands_of_random_networks(seed):
    steps = network_steps(random_network(seed))
    chosen = [step for step in steps.steps if step.source and step.target]
    for length in (1, 2, 3):
        for first in range(len(chosen) - length + 1):
            part = chosen[first : first + length]
            made = [step.target for step in part]
            reads = {name for step in part for name in step.reads} - set(made)
            # Some of what is read from outside is resident, and what is given last
            resident = {name for name in reads if (seed + len(name)) % 2} | (
                {made[-1]} if seed % 3 == 0 else set()
            )
            names = [*reads, *made]
            run = Run(
                tuple(part),
                tuple(sorted(reads - resident)),
                tuple(made[:-1]),
                frozenset(resident),
                {name: steps.maps[name] for name in names},
            )
            sizes = {name: 1 << (seed + at) % 4 for at, name in enumerate(names)}
            if run.banded:
                for times in (1, 2):
                    check(run, sizes, times * unit(run, sizes))


def test_whole_maps_have_one_band_of_all_rows():
    steps = network_steps(example_network("resnet20"))
    step = steps.steps[3]
    run = Run((step,), (), (), frozenset([*step.reads, step.target]), steps.maps)
    names = {name: steps.maps[name] for name in [*step.reads, step.target]}
    run = replace(run, shapes=names)
    (band,) = cut(run, dict.fromkeys(names, 8), 8)
    assert band.rows == {name: (0, shape[0]) for name, shape in names.items()}
