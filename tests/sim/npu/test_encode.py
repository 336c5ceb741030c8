"""Operations become descriptors; a size that no descriptor holds is refused by the layer's name."""

import pytest

from tests.sim.npu.test_steps import CONV, SHORT, WEIGHTS, A, B, network
from truncmac.descriptors import Operation, Region, to_address, unpack_descriptor
from truncmac.golden import AvgPool, MapPlace
from truncmac.sim.npu.encode import product_values, step_bytes
from truncmac.sim.npu.means import reciprocal
from truncmac.sim.npu.steps import Step, network_steps

PLACES = {
    "image": MapPlace(group=1, base=2, step_x=3, step_y=4, tile_x=2, phase_x=1, phase_y=0),
    "conv": MapPlace(group=2, base=9, step_x=8, step_y=7, tile_x=1, phase_x=0, phase_y=1),
}
PLACES["mean"] = PLACES["conv"]


def test_every_field_of_a_convolution():
    step = network_steps(network(CONV, weights={"conv": (6, 3, 4, 5)})).steps[1]
    values = product_values(step, 3, pitch=640) | {"weights": 5, "parameters": 6}
    assert unpack_descriptor(step_bytes(step, PLACES, values)) == (
        Operation.CONV,
        {
            **{"operation": 5, "wait": 0, "raw": 0, "residual": 0, "bits": 3, "offset": 7},
            **{"limit": 15, "pad_code": 7, "pad_left": 2, "pad_top": 1},
            **{"kernel_x": 5, "kernel_y": 4, "stride_x": 3, "stride_y": 2},
            **{"dilation_x": 1, "dilation_y": 1},
            **{"input_width": 11, "input_height": 9, "input_channels": 3},
            **{"output_width": 4, "output_height": 4, "output_channels": 6},
            **{"input_map_group": 1, "input_map_base": 2, "input_map_step_x": 3},
            **{"input_map_step_y": 4, "input_map_tile_x": 2, "input_map_phase_x": 1},
            **{"input_map_phase_y": 0},
            **{"output_map_group": 2, "output_map_base": 9, "output_map_step_x": 8},
            **{"output_map_step_y": 7, "output_map_tile_x": 1, "output_map_phase_x": 0},
            **{"output_map_phase_y": 1},
            **{f"residual_map_{name}": 0 for name in ("group", "base", "step_x", "step_y")},
            **{f"residual_map_{name}": 0 for name in ("tile_x", "phase_x", "phase_y")},
            **{f"residual_{name}": 0 for name in ("channels", "shift_x", "shift_y")},
            **{"weights": 5, "weights_pitch": 640, "parameters": 6},
        },
    )
    assert step.beats(2) == 4 * 5 * 2


def test_what_is_added_has_channels_and_strides_of_its_own():
    step = network_steps(network(A, SHORT, B, weights=WEIGHTS)).steps[2]
    values = product_values(step, 3, pitch=640)
    found = [values[f"residual{name}"] for name in ("", "_channels", "_shift_x", "_shift_y")]
    assert found == [1, 3, 2, 1]


def test_a_mean_and_a_store():
    steps = network_steps(network(AvgPool("mean", "image", (2, 3)), weights={})).steps
    _, mean = unpack_descriptor(step_bytes(steps[1], PLACES, {}))
    assert (mean["mean"], mean["reciprocal"], mean["shift"]) == (1, *reciprocal(6))
    _, store = unpack_descriptor(step_bytes(steps[2], PLACES, {}))
    assert (store["address"], store["pitch"]) == (to_address(Region.OUTPUT, 0), 3 * 3)
    part = Step(Operation.STORE, "image", "image", None, (4, 5, 6), (4, 5, 6))
    _, kept = unpack_descriptor(step_bytes(part, PLACES, {"address": 99, "wait": 1}))
    assert (kept["wait"], kept["beside"]) == (1, 0)
    assert (kept["input_height"], kept["input_width"], kept["input_channels"]) == (4, 5, 6)
    assert (kept["address"], kept["pitch"], kept["input_map_step_x"]) == (99, 30, 3)


def test_an_image_is_loaded_from_the_inputs_first_byte():
    step = network_steps(network(CONV, weights={"conv": (6, 3, 4, 5)})).steps[0]
    operation, load = unpack_descriptor(step_bytes(step, PLACES, {}))
    assert operation == Operation.LOAD
    assert (load["address"], load["pitch"]) == (to_address(Region.INPUT, 0), 33)
    assert (load["kernel_x"], load["stride_y"], load["output_map_base"]) == (1, 1, 2)


def test_a_window_that_is_too_large_is_refused_by_name():
    made = network(AvgPool("mean", "image"), image=(1, 300, 5), weights={})
    step = network_steps(made).steps[1]
    with pytest.raises(ValueError, match=r"Layer 'mean' does not fit.*kernel_y.*0\.\.255, not 300"):
        step_bytes(step, PLACES, {})


def test_only_layers_of_weights_have_products():
    step = network_steps(network(AvgPool("mean", "image"), weights={})).steps[1]
    with pytest.raises(ValueError, match="'mean' must have weights"):
        product_values(step, 8, pitch=8)
