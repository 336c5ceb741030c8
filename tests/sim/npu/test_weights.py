"""Weights and parameters lie as the reference reads them."""

import numpy as np
import pytest

from tests.golden.programs import parameter_memory, weight_memory
from truncmac.descriptors import Operation
from truncmac.golden import Conv2d, ImageSpec, Linear, Machine, Network, Requantisation
from truncmac.sim.npu.steps import Packing, Step, network_steps
from truncmac.sim.npu.weights import parameter_bytes, weight_bytes, weights_pitch


def machine(cols, lanes, planes, bus_bytes):
    return Machine(
        **{"rows": 4, "cols": cols, "lanes": lanes, "planes": planes, "max_reduction": 999},
        **{"groups": 3, "depth": 99, "bus_bytes": bus_bytes, "configuration": 0},
    )


@pytest.mark.parametrize(
    ("cols", "lanes", "planes", "bus_bytes"),
    [(4, 2, 1, 8), (8, 4, 2, 16), (1, 1, 8, 32), (2, 16, 4, 8)],
)
@pytest.mark.parametrize("shape", [(3, 5, 2, 3), (9, 1, 1, 1), (4, 8, 3, 1)])
def test_weights_lie_bit_by_bit_where_they_are_read(shape, cols, lanes, planes, bus_bytes):
    chip = machine(cols, lanes, planes, bus_bytes)
    codes = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    conv = Conv2d("conv", "image", out_bits=4)
    network = Network("n", ImageSpec(shape[1], 6, 6), (8,), (conv,), {"conv.codes": codes})
    step = network_steps(network).steps[1]
    expected, pitch = weight_memory(codes.transpose(2, 3, 1, 0), chip)
    assert weight_bytes(network, step, chip) == expected
    beats = shape[2] * shape[3] * -(-shape[1] // lanes)
    assert weights_pitch(beats, chip) == pitch


def test_packed_windows_have_rows_then_columns_then_channels():
    chip = machine(4, 2, 1, 8)
    codes = np.arange(2 * 3 * 2 * 2, dtype=np.uint8).reshape(2, 3, 2, 2)
    conv = Conv2d("conv", "image", out_bits=4)
    network = Network("n", ImageSpec(3, 6, 6), (8,), (conv,), {"conv.codes": codes})
    ordered = codes.transpose(2, 3, 1, 0)
    for packing, shape in (
        (Packing((1, 2)), (2, 1, 6, 2)),
        (Packing((2, 2)), (1, 1, 12, 2)),
    ):
        step = network_steps(network, packing).steps[1]
        assert weight_bytes(network, step, chip) == weight_memory(ordered.reshape(shape), chip)[0]


def test_a_flattened_images_weights_follow_the_map():
    """A network counts a flattened image's codes by channel first, the NPU by channel last."""
    chip = machine(4, 2, 1, 8)
    codes = np.arange(24, dtype=np.uint8).reshape(2, 12)
    step = Step(
        Operation.CONV,
        "linear",
        "map",
        "linear",
        (2, 2, 3),
        (1, 1, 2),
        kernel=(2, 2),
        window=(2, 2, 3),
        layer=Linear("linear", "map"),
    )
    network = Network("n", ImageSpec(3, 2, 2), (8,), (), {"linear.codes": codes})
    expected = codes.reshape(2, 3, 2, 2).transpose(2, 3, 1, 0)
    assert weight_bytes(network, step, chip) == weight_memory(expected, chip)[0]


def requant(**changes):
    values = {"multiplier": [-5, 7], "bias": [1 << 40, -9], "shift": [3, 40]}
    values = values | {"residual_multiplier": [-1, 1 << 30]} | changes
    return Requantisation(
        out_bits=4, **{name: np.array(value, np.int64) for name, value in values.items()}
    )


def test_parameters_lie_where_they_are_read():
    params = requant()
    arrays = {name: getattr(params, name) for name in ("multiplier", "bias", "shift")}
    expected = parameter_memory(**arrays, residual_multiplier=params.residual_multiplier)
    assert parameter_bytes("layer", params) == expected
    assert len(expected) == 32


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"multiplier": [1 << 26, 0]}, "multiplier of 67108864"),
        ({"multiplier": [0, -(1 << 26) - 1]}, "multiplier of -67108865"),
        ({"residual_multiplier": [1 << 34, 0]}, "residual_multiplier of 17179869184"),
        ({"bias": [-(1 << 59) - 1, 0]}, "bias of -576460752303423489"),
    ],
)
def test_parameters_that_are_too_large_are_refused_by_name(changes, name):
    with pytest.raises(ValueError, match=f"Layer 'layer' has a requantisation {name}; .* hold"):
        parameter_bytes("layer", requant(**changes))


def test_the_largest_parameters_fit():
    params = requant(multiplier=[(1 << 26) - 1, -(1 << 26)], bias=[(1 << 59) - 1, -(1 << 59)])
    assert len(parameter_bytes("layer", params)) == 32
