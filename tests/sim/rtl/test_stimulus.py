import numpy as np

from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.stimulus import random_gemms

CONFIG = ArrayConfig(4, 4, 4, 1, 50)


def test_shapes_and_bit_widths_are_covered():
    gemms = random_gemms(CONFIG, count=20, seed=1)
    assert sorted({gemm.bits for gemm in gemms}) == list(range(1, 9))
    for k in range(1, 9):
        shapes = {(g.rows, g.reduction, g.columns) for g in gemms if g.bits == k}
        assert (1, 1, 1) in shapes
        assert any(shape[1] == CONFIG.max_reduction for shape in shapes)
        assert any(shape[0] % 4 and shape[1] % 4 and shape[2] % 4 for shape in shapes)


def test_outputs_of_each_kind_are_drawn_and_codes_are_not_all_clamped():
    gemms = random_gemms(CONFIG, count=20, seed=1)
    assert any(gemm.requant is None for gemm in gemms)
    assert any(gemm.residual is not None for gemm in gemms)
    codes = [gemm.outputs() / ((1 << gemm.requant.out_bits) - 1) for gemm in gemms if gemm.requant]
    values = np.concatenate([code.ravel() for code in codes])
    assert ((values > 0) & (values < 1)).mean() > 0.05


def test_the_seed_decides_everything():
    first, second = (random_gemms(CONFIG, count=3, seed=4) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.outputs(), b.outputs())
    other = random_gemms(CONFIG, count=3, seed=5)
    assert [g.name for g in first] != [g.name for g in other]
