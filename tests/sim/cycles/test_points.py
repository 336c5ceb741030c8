"""Sizes of arrays and products as the counts take them, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from truncmac.golden import Gemm, Requantisation
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.points import CounterValues, Products, Sizes, Start

# Two rows of clusters of 4 x 4 and three columns of them; 2 columns share an output unit
CONFIG = ArrayConfig(8, 12, 5, 2, max_reduction=10, requantisers=6)


def test_sizes_of_one_array():
    """The last unit begins (6 - 1) x 2 / 4 = 2 cycles after the first, and takes 2 columns.

    Parameters of a column: M 18, Mr 26, s 6 and B 40, together 90 bits, in whole bytes.
    """
    sizes = Sizes.of(CONFIG)
    names = ("rows", "cols", "lanes", "planes", "share", "depth", "passage", "parameter_bytes")
    assert {name: getattr(sizes, name).tolist() for name in names} == dict(
        rows=8, cols=12, lanes=5, planes=2, share=2, depth=2, passage=4, parameter_bytes=12
    )
    assert sizes.weight_bytes == 12 * 5 * 2 // 8
    assert sizes.interval == 8 * 2


def test_sizes_of_several_arrays_are_columns():
    small = ArrayConfig(3, 3, 5, 1, max_reduction=10)
    sizes = Sizes.of([CONFIG, small])
    assert sizes.rows.tolist() == [8, 3]
    assert sizes.weight_bytes.tolist() == [15, 2]  # 15 bits take two bytes
    for at, config in enumerate((CONFIG, small)):
        for name, value in vars(Sizes.of(config)).items():
            assert value.shape == ()
            assert getattr(sizes, name)[at] == value


def test_products_of_matrix_products():
    gemm = Gemm(
        name="g",
        activations=np.zeros((3, 4), np.uint8),
        codes=np.zeros((4, 5), np.uint8),
        bits=6,
        offset=1,
    )
    ones = np.ones(5, np.int64)
    requant = Requantisation(multiplier=ones, bias=ones, shift=ones, out_bits=4)
    with_codes = replace(gemm, requant=requant, bits=2)
    found = Products.of([gemm, with_codes])
    assert {name: value.tolist() for name, value in vars(found).items()} == dict(
        rows=[3, 3], reduction=[4, 4], columns=[5, 5], bits=[6, 2], fresh=[False, True]
    )


def test_counters_of_each_point_by_name():
    values = [np.array([at, 10 + at]) for at in range(9)]
    counters = CounterValues(*values, np.array(7))
    names = [*vars(counters)]
    assert counters.rows() == [
        dict(zip(names, [*range(9), 7], strict=True)),
        dict(zip(names, [*range(10, 19), 7], strict=True)),
    ]


@pytest.mark.parametrize("gap", [1, 4])
def test_where_the_first_job_starts(gap):
    """After reset the first parameter is a word of its stream away; warm, all was long ago."""
    reset, warm = Start.at_reset(gap), Start.warm()
    assert (int(reset.loaded), bool(reset.unused)) == (-1 - gap, True)
    assert not warm.unused
    longest = 1 << 32  # cycles: longer than any job's
    for start, names in ((reset, ("end", "beat", "freed")), (warm, ("end", "loaded", "freed"))):
        assert all(getattr(start, name) < -longest for name in names)
