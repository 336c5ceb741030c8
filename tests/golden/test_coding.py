"""Pixels and reals as codes: worked values, runtimes of ONNX, and exact fractions."""

import re
from fractions import Fraction

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from truncmac.golden import (
    ROUNDINGS,
    ImageCoding,
    ImageSpec,
    level_codes,
    pixel_codes,
    pixel_table,
    real_codes,
)

SIGNED = ImageCoding(scale=(1 / 128,), zero_point=128, signed=True)


def image(*values, dtype=np.float32):
    """One image of one row, one channel."""
    return np.array(values, dtype).reshape(1, 1, 1, -1)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        ("half_even", [3, 3, 5, 5, 7, 8, 0, 15]),
        ("half_up", [3, 4, 5, 6, 7, 8, 0, 15]),
        ("floor", [2, 3, 4, 5, 7, 7, 0, 15]),
    ],
)
def test_worked_values(rounding, expected):
    """Steps of 1/2 about code 5; the reals lie on halves of a step, near them, and beyond."""
    coding = ImageCoding(scale=(0.5,), zero_point=5, rounding=rounding)
    near = np.nextafter(np.float32(1.25), np.float32(0))  # just below a half
    reals = image(-1.25 + 2**-20, -0.75, -0.25 + 2**-20, 0.25, near, 1.25 + 2**-20, -99, 99)
    assert real_codes(reals, coding, 4).ravel().tolist() == expected


def test_every_rounding_is_that_of_exact_fractions():
    """Steps of a power of two, so that the division is exact; all reals within 1/8 of a step."""
    for rounding in ROUNDINGS:
        coding = ImageCoding(scale=(0.25,), zero_point=9, offset=(0.5,), rounding=rounding)
        reals = np.arange(-160, 160, dtype=np.float32) / 32
        found = real_codes(image(*reals), coding, 6).ravel().tolist()
        for real, code in zip(reals.tolist(), found, strict=True):
            value = (Fraction(real) - Fraction(1, 2)) * 4
            down = value.numerator // value.denominator
            rest, half = value - down, Fraction(1, 2)
            above = {
                "half_even": rest > half or (rest == half and down % 2),
                "half_up": rest >= half,
                "floor": False,
            }[rounding]
            assert code == min(max(down + bool(above) + 9, 0), 63), (rounding, real)


@pytest.mark.parametrize(("zero", "kind"), [(0, np.uint8), (7, np.uint8), (-3, np.int8)])
@pytest.mark.parametrize("scale", [1 / 128, 0.0186, 0.3])
def test_codes_are_those_of_onnx_runtimes_quantize_linear(scale, zero, kind):
    node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])
    element = TensorProto.INT8 if kind == np.int8 else TensorProto.UINT8
    graph = helper.make_graph(
        [node],
        "quantise",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", element, None)],
        [numpy_helper.from_array(np.float32(scale), "s"), numpy_helper.from_array(kind(zero), "z")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    rng = np.random.default_rng(3)
    ties = (np.arange(-140, 140) + 0.5) * np.float32(scale)
    reals = np.concatenate([ties, rng.normal(0, 90 * scale, 5000), [np.inf, -np.inf, 1e30]])
    reals = reals.astype(np.float32).reshape(1, 1, 1, -1)
    (expected,) = session.run(None, {"x": reals})
    signed = kind == np.int8
    coding = ImageCoding((scale,), zero + (128 if signed else 0), signed=signed)
    codes = real_codes(reals, coding, 8)
    np.testing.assert_array_equal(codes.astype(int) - (128 if signed else 0), expected)


def test_pixels_are_normalised_channel_by_channel():
    """As torchvision does: ToTensor, then Normalize, both in float32."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (3, 3, 7, 5)).astype(np.uint8)
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    coding = ImageCoding((0.0186,), 114, mean=mean, deviation=deviation)
    unit = pixels.astype(np.float32) / np.float32(255)
    by_channel = (1, 3, 1, 1)
    reals = unit - np.array(mean, np.float32).reshape(by_channel)
    reals = reals / np.array(deviation, np.float32).reshape(by_channel)
    codes = pixel_codes(pixels, coding, 8)
    np.testing.assert_array_equal(codes, real_codes(reals, coding, 8))
    assert pixel_table(coding, 8).shape == (3, 256)
    assert len({tuple(row) for row in pixel_table(coding, 8).tolist()}) == 3


def test_scales_and_offsets_may_differ_between_channels():
    coding = ImageCoding((0.5, 2.0), 1, offset=(0.0, 10.0))
    reals = np.array([1.0, 14.0], np.float32).reshape(1, 2, 1, 1)
    assert real_codes(reals, coding, 8).ravel().tolist() == [3, 3]


@pytest.mark.parametrize("bits", [8, 6, 4, 1])
def test_without_a_coding_codes_stand_for_0_to_1(bits):
    """A pixel of 8 bits is its code; for fewer bits it never lies half-way between two codes."""
    most = 2**bits - 1
    table = pixel_table(ImageSpec(1, 1, 1, bits).meaning, bits)
    assert table.tolist() == [[(2 * p * most + 255) // 510 for p in range(256)]]
    assert all((2 * p * most) % 510 != 255 for p in range(256))


def test_signed_integers_are_codes_less_half():
    levels = image(-128, -1, 0, 127, dtype=np.int8)
    assert level_codes(levels, 8).ravel().tolist() == [0, 127, 128, 255]
    assert level_codes(image(-8, 7, dtype=np.int8), 4).ravel().tolist() == [0, 15]
    for wrong in (-9, 8):
        message = f"Signed codes must be in -8..7, not {min(wrong, 0)}..{max(wrong, 0)}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            level_codes(image(wrong, dtype=np.int8), 4)


def test_what_is_no_number_is_refused_and_infinities_are_clamped():
    for kind in (np.float16, np.float32, np.float64):
        found = real_codes(image(-np.inf, np.inf, dtype=kind), SIGNED, 8)
        assert found.ravel().tolist() == [0, 255]
        with pytest.raises(ValueError, match="^Images must be numbers, not NaN$"):
            real_codes(image(0, np.nan, dtype=kind), SIGNED, 8)
    assert real_codes(image(1e300, -1e300, dtype=np.float64), SIGNED, 8).ravel().tolist() == [
        255,
        0,
    ]


def test_many_images_are_done_in_parts(monkeypatch):
    reals = np.random.default_rng(0).normal(size=(9, 2, 3, 4))
    whole = real_codes(reals, SIGNED, 8)
    monkeypatch.setattr("truncmac.golden.coding.BLOCK", 50)
    np.testing.assert_array_equal(real_codes(reals, SIGNED, 8), whole)


def test_reals_of_64_bits_become_those_of_32_first():
    """Just below a half in float64, which float32 holds as the half itself."""
    coding = ImageCoding((1.0,), 0)
    below = image(1.5 - 1e-12, dtype=np.float64)
    assert real_codes(below, coding, 8).item() == 2
    assert real_codes(below.astype(np.float32), coding, 8).item() == 2
