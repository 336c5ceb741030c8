"""A network becomes operations: packing, copies, and what the NPU refuses."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import newer_network, small_network
from truncmac.descriptors import Operation
from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Linear,
    MaxPool,
    Network,
    Shortcut,
    example_network,
)
from truncmac.sim.npu.steps import Packing, folded_shortcuts, network_steps, packings


def network(*layers, image=(3, 9, 11), weights=None):
    tensors = {f"{name}.codes": np.zeros(shape, np.uint8) for name, shape in weights.items()}
    return Network("made", ImageSpec(*image), (8,), layers, tensors)


CONV = Conv2d("conv", "image", out_bits=4, stride=(2, 3), padding=(1, 2), pad_code=7)


def test_operations_of_a_network_in_order():
    steps = network_steps(small_network())
    assert [(step.operation.name, step.name) for step in steps.steps] == [
        ("LOAD", "image"),
        ("CONV", "first"),
        ("SHORTCUT", "first, copied for second"),
        ("CONV", "second"),
        ("POOL", "pool"),
        ("CONV", "third"),
        ("POOL", "mean"),
        ("CONV", "logits"),
    ]
    assert [step.name for step in steps.steps if step.by_tiles] == [
        *("first", "second", "pool", "third", "logits")
    ]
    assert steps.places["flat"] == "mean"
    logits = steps.steps[-1]
    assert (logits.raw, logits.target, logits.kernel, logits.shape) == (
        True,
        None,
        (1, 1),
        (1, 1, 3),
    )


def test_a_map_that_is_multiplied_and_added_is_copied():
    """One group answers one reader at a time."""
    steps = network_steps(small_network())
    copy, second = (
        step for step in steps.steps if step.name in ("first, copied for second", "second")
    )
    assert (copy.operation, copy.source, copy.stride) == (Operation.SHORTCUT, "first", (1, 1))
    assert (second.source, second.residual) == ("first", copy.target)
    assert steps.maps[copy.target] == steps.maps["first"]


def test_a_window_can_be_packed_by_row_or_whole():
    made = network(CONV, weights={"conv": (6, 3, 4, 5)})
    plain, row, whole = packings(made)
    assert plain == Packing()
    assert row == Packing((1, 5), (1, 3), (0, 2), 7)
    assert whole == Packing((4, 5), (2, 3), (1, 2), 7)
    # 9 rows with a pad of 1 and windows of 4 rows: 4 of them, 2 apart; 11 columns: 4, 3 apart
    shapes = {
        plain: ((9, 11, 3), (4, 5), (2, 3), (1, 2)),
        row: ((9, 4, 15), (4, 1), (2, 1), (1, 0)),
        whole: ((4, 4, 60), (1, 1), (1, 1), (0, 0)),
    }
    for packing, (given, kernel, stride, padding) in shapes.items():
        steps = network_steps(made, packing)
        conv = steps.steps[1]
        assert steps.maps["image"] == steps.steps[0].shape == given
        assert (conv.kernel, conv.stride, conv.padding) == (kernel, stride, padding)
        assert conv.shape == (4, 4, 6)


def test_a_window_of_one_row_keeps_its_vertical_stride():
    made = network(replace(CONV, padding=(0, 2)), weights={"conv": (6, 3, 1, 5)})
    _, row = packings(made)
    conv = network_steps(made, row).steps[1]
    assert (conv.kernel, conv.stride, conv.padding) == ((1, 1), (2, 1), (0, 0))


def test_an_image_that_others_read_is_not_packed():
    second = replace(CONV, name="second")
    made = network(CONV, second, weights={"conv": (6, 3, 4, 5), "second": (6, 3, 4, 5)})
    assert list(packings(made)) == [Packing()]
    added = replace(CONV, stride=(1, 1), padding=(0, 0), residual="image")
    assert list(packings(network(added, weights={"conv": (3, 3, 1, 1)}))) == [Packing()]
    pooled = network(AvgPool("pool", "image"), CONV, weights={"conv": (6, 3, 4, 5)})
    assert list(packings(pooled)) == [Packing()]


def test_a_flattened_image_is_a_window_as_large_as_the_map():
    made = network(
        Flatten("flat", "image"), Linear("linear", "flat", out_bits=3), weights={"linear": (5, 297)}
    )
    steps = network_steps(made)
    assert [step.operation for step in steps.steps] == [
        Operation.LOAD,
        Operation.CONV,
        Operation.STORE,
    ]
    assert (steps.steps[1].kernel, steps.steps[1].shape) == ((9, 11), (1, 1, 5))
    assert steps.steps[1].window == (9, 11, 3)
    row, whole = list(packings(made))[1:]
    assert (row, whole) == (Packing((1, 11)), Packing((9, 11)))
    for packing, given, kernel in ((row, (9, 1, 33), (9, 1)), (whole, (1, 1, 297), (1, 1))):
        packed = network_steps(made, packing)
        assert packed.maps["image"] == given
        assert (packed.steps[1].kernel, packed.steps[1].window) == (kernel, (9, 11, 3))
    assert (steps.steps[2].source, steps.steps[2].source_shape) == ("linear", (1, 1, 5))


def test_a_stride_that_has_no_effect_is_left_out():
    """A descriptor has four bits for it; the mean of a whole image has its size as stride."""
    mean = network_steps(network(AvgPool("mean", "image", (9, 11), (20, 20)), weights={})).steps[1]
    assert (mean.kernel, mean.stride) == ((9, 11), (1, 1))


def test_logits_with_a_residual_are_refused():
    added = replace(CONV, stride=(1, 1), padding=(0, 0), residual="image", out_bits=None)
    with pytest.raises(ValueError, match="Layer 'conv' gives logits and adds 'image'"):
        network_steps(network(added, weights={"conv": (3, 3, 1, 1)}))


def test_a_flattened_image_cannot_be_added():
    made = network(
        Flatten("flat", "image"),
        Linear("linear", "flat", out_bits=8, residual="flat"),
        weights={"linear": (297, 297)},
    )
    with pytest.raises(ValueError, match="Layer 'linear' adds 'flat', which is a flattened image"):
        network_steps(made)


def test_resnet20_has_an_operation_for_each_layer_but_shortcuts():
    made = example_network("resnet20")
    steps = network_steps(made)
    kinds = [layer for layer in made.layers if not isinstance(layer, Flatten | Shortcut)]
    assert len(steps.steps) == 1 + len(kinds)
    block = next(step for step in steps.steps if step.name == "stage2_block1_b")
    assert block.residual == "stage1_block3_b"
    assert (block.residual_stride, block.residual_channels, block.shape[2]) == ((2, 2), 16, 32)
    assert "stage2_block1_s" not in {*steps.maps, *steps.places}
    kept = network_steps(made, folds=False)
    assert len(kept.steps) == len(steps.steps) + 2
    block = next(step for step in kept.steps if step.name == "stage2_block1_b")
    assert kept.maps[block.residual] == block.shape
    assert (block.residual_stride, block.residual_channels) == ((1, 1), 32)


A = Conv2d("a", "image", out_bits=4, stride=(2, 4))
B = Conv2d("b", "a", out_bits=4, residual="s")
SHORT = Shortcut("s", "image", channels=6, stride=(2, 4))
WEIGHTS = {"a": (6, 3, 1, 1), "b": (6, 6, 1, 1)}


def test_a_shortcut_that_is_only_added_is_no_operation():
    made = network(A, SHORT, B, weights=WEIGHTS)
    assert folded_shortcuts(made) == {"s": SHORT}
    steps = network_steps(made)
    assert [step.name for step in steps.steps] == ["image", "a", "b", "b"]
    b = steps.steps[2]
    assert (b.source, b.residual, b.residual_stride, b.residual_channels) == (
        *("a", "image", (2, 4), 3),
    )
    assert set(steps.maps) == {"image", "a", "b"}
    # A second layer adds it too, and one without an effect on the output reads it
    c, idle = Conv2d("c", "b", out_bits=4, residual="s"), MaxPool("idle", "s", (1, 1), (1, 1))
    more = network(A, SHORT, idle, B, c, weights=WEIGHTS | {"c": (6, 6, 1, 1)})
    assert [step.residual for step in network_steps(more).steps[2:4]] == ["image", "image"]


POOL = MaxPool("p", "s", (1, 1), (1, 1))
C = Conv2d("c", "p", out_bits=4, residual="b")


@pytest.mark.parametrize(
    "layers",
    [
        # The stride is no power of two, or too large for its field
        (replace(A, stride=(3, 4)), replace(SHORT, stride=(3, 4)), B),
        (replace(A, stride=(16, 4)), replace(SHORT, stride=(16, 4)), B),
        # What is multiplied is the shortcut, or what the shortcut reads
        (A, SHORT, replace(B, input="s")),
        (A, replace(SHORT, input="a", stride=(1, 1)), B),
        # A pool reads it too, or it is the output
        (A, SHORT, B, POOL, C),
        (A, SHORT),
    ],
)
def test_other_shortcuts_are_operations(layers):
    made = network(*layers, weights=WEIGHTS | {"c": (6, 6, 1, 1)})
    assert folded_shortcuts(made) == {}
    assert "s" in {step.name for step in network_steps(made).steps}


def test_a_stride_has_no_effect_on_a_single_row():
    a, short = (replace(layer, stride=(8, 4)) for layer in (A, SHORT))
    made = network(a, short, B, image=(3, 8, 11), weights=WEIGHTS)
    b = next(step for step in network_steps(made).steps if step.name == "b")
    assert (b.shape[:2], b.residual_stride) == ((1, 3), (1, 4))


def test_logits_do_not_add_a_shortcut_either():
    b = replace(B, out_bits=None)
    with pytest.raises(ValueError, match="Layer 'b' gives logits and adds 's'"):
        network_steps(network(A, SHORT, b, weights=WEIGHTS))


def test_means_of_a_scale_of_their_own_are_refused_by_name():
    message = (
        "Layer 'mean' gives means of a scale of its own: the NPU's pools give the mean code, and "
        "nothing else yet"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        network_steps(newer_network(rounding="half_up"))
