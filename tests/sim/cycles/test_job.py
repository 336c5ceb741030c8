"""Products as the control takes them, worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from truncmac.golden import Gemm, Requantisation
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.job import Job

CONFIG = ArrayConfig(4, 6, 5, 1, max_reduction=40)
ONES = np.ones(13, np.int64)
CODES = Requantisation(multiplier=ONES, bias=ONES, shift=ONES, out_bits=4)


def gemm(rows, reduction, columns, **more):
    return Gemm(
        name="g",
        activations=np.zeros((rows, reduction), np.uint8),
        codes=np.zeros((reduction, columns), np.uint8),
        bits=3,
        offset=7,
        **more,
    )


@pytest.mark.parametrize(
    ("sizes", "beats", "row_tiles", "column_tiles"),
    [
        ((9, 11, 13), 3, 3, 3),  # nothing fills its last tile or beat
        ((8, 10, 12), 2, 2, 2),
        ((1, 1, 1), 1, 1, 1),
        ((4, 6, 7), 2, 1, 2),
    ],
)
def test_a_job_has_whole_beats_and_tiles(sizes, beats, row_tiles, column_tiles):
    """Of 4 x 6 outputs and 5 products each."""
    job = Job.of(gemm(*sizes), CONFIG)
    assert job == Job(beats, 3, row_tiles, column_tiles, fresh=False, residual=False)
    assert job.tiles == row_tiles * column_tiles


def test_codes_take_parameters_and_some_a_residual():
    plain = gemm(9, 11, 13, requant=CODES)
    assert Job.of(plain, CONFIG) == Job(3, 3, 3, 3, fresh=True, residual=False)
    added = replace(plain, residual=np.zeros((9, 13), np.uint8))
    assert Job.of(added, CONFIG) == Job(3, 3, 3, 3, fresh=True, residual=True)


def test_a_job_takes_parameters_and_no_residual_unless_it_says_so():
    job = Job(1, 2, 3, 4)
    assert (job.fresh, job.residual, job.tiles) == (True, False, 12)
