"""Shapes that layers give, by hand; what does not fit is refused with both names."""

import re

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    Shortcut,
    check_reduction,
    code_bits,
    output_shape,
    shapes,
)

CODES = {"c.codes": np.zeros((7, 3, 3, 2), np.uint8), "l.codes": np.zeros((4, 12), np.uint8)}


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (Conv2d("c", "x"), (3, 5, 6), (7, 3, 5)),
        (Conv2d("c", "x", padding=(2, 1)), (3, 5, 6), (7, 7, 7)),
        (Conv2d("c", "x", stride=(2, 3)), (3, 5, 6), (7, 2, 2)),
        (Conv2d("c", "x"), (3, 3, 2), (7, 1, 1)),
        (Linear("l", "x"), (12,), (4,)),
        (MaxPool("m", "x"), (3, 5, 6), (3, 2, 3)),
        (MaxPool("m", "x"), (3, 4, 7), (3, 2, 3)),
        (MaxPool("m", "x"), (3, 7, 4), (3, 3, 2)),
        (MaxPool("m", "x", (3, 3), (1, 2), (1, 1)), (3, 5, 6), (3, 5, 3)),
        (AvgPool("a", "x"), (3, 5, 6), (3, 1, 1)),
        (AvgPool("a", "x", (2, 3)), (3, 5, 6), (3, 2, 2)),
        (AvgPool("a", "x", (2, 3), (1, 1)), (3, 5, 6), (3, 4, 4)),
        (Shortcut("s", "x", 3, (2, 2)), (3, 5, 6), (3, 3, 3)),
        (Shortcut("s", "x", 9, (3, 1)), (3, 5, 6), (9, 2, 6)),
        (Shortcut("s", "x", 4), (3, 5, 6), (4, 5, 6)),
        (Flatten("f", "x"), (3, 5, 6), (90,)),
        (Flatten("f", "x"), (4,), (4,)),
    ],
)
def test_the_shape_that_a_layer_gives(layer, given, expected):
    assert output_shape(layer, given, CODES) == expected


@pytest.mark.parametrize(
    ("layer", "given", "message"),
    [
        (Conv2d("c", "x"), (2, 5, 6), "takes 3 channels, but its input 'x' gives (2, 5, 6)"),
        (Conv2d("c", "x"), (3, 2, 6), "takes at least one window, but its input 'x' gives"),
        (Conv2d("c", "x"), (12,), "takes (channels, height, width), but its input 'x' gives (12,)"),
        (
            Conv2d("c", "x", padding=(3, 1)),
            (3, 5, 6),
            "must have a padding narrower than its window (3, 2), not (3, 1)",
        ),
        (
            Conv2d("c", "x", padding=(2, 2)),
            (3, 5, 6),
            "must have a padding narrower than its window (3, 2), not (2, 2)",
        ),
        (
            MaxPool("m", "x", (2, 2), (1, 1), (2, 0)),
            (3, 5, 6),
            "must have a padding narrower than its window (2, 2), not (2, 0)",
        ),
        (MaxPool("m", "x", (6, 2)), (3, 5, 6), "takes at least one window, but its input 'x'"),
        (AvgPool("a", "x", (2, 7)), (3, 5, 6), "takes at least one window, but its input 'x'"),
        (Linear("l", "x"), (11,), "takes (12,), but its input 'x' gives (11,)"),
        (Shortcut("s", "x", 2), (3, 5, 6), "takes at most 2 channels, but its input 'x' gives"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_names(layer, given, message):
    message = f"Layer {layer.name!r} {message}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        output_shape(layer, given, CODES)


def test_a_layer_of_no_known_kind_is_refused():
    with pytest.raises(TypeError, match="^Layer 'z' must be one of the known kinds, not "):
        output_shape(Layer("z", "x"), (1, 2, 3), {})


def test_shapes_and_bits_of_a_whole_network():
    network = small_network()
    assert shapes(network) == {
        "image": (2, 7, 6),
        "first": (5, 7, 6),
        "second": (5, 7, 6),
        "pool": (5, 3, 3),
        "third": (4, 1, 2),
        "mean": (4, 1, 1),
        "flat": (4,),
        "logits": (3,),
    }
    assert code_bits(network) == {
        **{"image": 6, "first": 4, "second": 4, "pool": 4, "third": 6, "mean": 6, "flat": 6},
        "logits": 8,  # it gives no codes
    }
    assert [network.reduction(layer) for layer in network.products] == [18, 45, 20, 4]


def test_codes_are_a_matrix_with_a_column_for_each_output():
    network = small_network()
    codes = network.codes(network.products[0])
    assert codes.shape == (18, 5)
    assert codes[:, 3].tolist() == network.tensors["first.codes"][3].ravel().tolist()


def test_the_first_layer_that_is_too_long_is_named():
    network = small_network()
    check_reduction(network, 45)
    message = (
        "Layer 'second' has reduction K = 45; the array is built for K up to 44. "
        "Build it with --max-reduction 45"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_reduction(network, 44)
