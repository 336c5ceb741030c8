"""What a network may hold at most, and a sum of requantisation beside the end of 64 bits."""

import re
from dataclasses import replace

import numpy as np
import pytest

from truncmac.golden import Conv2d, ImageSpec, Linear, Network, NetworkFileError, Shortcut
from truncmac.golden.validity import check_graph, check_names, checked

MOST = (1 << 63) - 1
LARGEST = 18 * 256 * 255  # of a sum of 18 products: weights below 256, codes up to 255


def network(*, residual=False, **tensors):
    """A layer of 3 x 3 windows of two channels that gives one channel at k = 4."""
    layer = Conv2d("c", "image", out_bits=4, padding=(1, 1), residual="add" if residual else None)
    arrays = {
        "c.codes": np.zeros((1, 2, 3, 3), np.uint8),
        "c.b4.multiplier": np.ones(1, np.int64),
        "c.b4.bias": np.zeros(1, np.int64),
        "c.b4.shift": np.zeros(1, np.int64),
    }
    layers = (layer,)
    if residual:
        layers = (Conv2d("add", "image", bits=8, out_bits=8, padding=(1, 1)), layer)
        arrays["c.b4.residual_multiplier"] = np.ones(1, np.int64)
        arrays |= {name.replace("c", "add", 1): arrays[name].copy() for name in [*arrays][:4]}
    arrays |= {f"c.b4.{name}": np.array([value]) for name, value in tensors.items()}
    return Network("n", ImageSpec(2, 4, 4), (4,), layers, arrays)


@pytest.mark.parametrize(
    ("tensors", "room"),
    [
        ({"multiplier": 1}, MOST - LARGEST),
        ({"multiplier": -3}, MOST - 3 * LARGEST),
        ({"multiplier": 0}, MOST),
        ({"residual": True, "multiplier": 1}, MOST - LARGEST - 255),
        ({"residual": True, "multiplier": 1, "residual_multiplier": -7}, MOST - LARGEST - 7 * 255),
    ],
)
def test_no_sum_may_overflow_64_bits(tensors, room):
    for sign in (1, -1):
        checked(network(bias=sign * room, **tensors))
        with pytest.raises(NetworkFileError, match=r"^layer 'c' can overflow 64 bits at k = 4$"):
            checked(network(bias=sign * (room + 1) if room < MOST else -MOST - 1, **tensors))


@pytest.mark.parametrize("name", ["multiplier", "bias", "residual_multiplier"])
def test_of_all_channels_the_largest_numbers_count(name):
    """Of two channels the first has numbers, and the second only the one that is named."""
    for more in (0, 1):
        room = MOST - 3 * LARGEST - 7 * 255 + more
        one = network(residual=True, multiplier=-3, residual_multiplier=-7, bias=room)
        tensors = {key: np.concatenate([a, np.zeros_like(a)]) for key, a in one.tensors.items()}
        tensors[f"c.b4.{name}"] = tensors[f"c.b4.{name}"][::-1].copy()
        two = replace(one, tensors=tensors)
        if more:
            with pytest.raises(NetworkFileError, match=r"^layer 'c' can overflow 64 bits at k = 4"):
                checked(two)
        else:
            assert checked(two) is two


def test_shifts_are_those_of_64_bits():
    for shift in (0, 63):
        checked(network(shift=shift))
    for shift in (-1, 64):
        message = f"tensor 'c.b4.shift' must be in 0..63, not {shift}..{shift}"
        with pytest.raises(NetworkFileError, match=f"^{re.escape(message)}$"):
            checked(network(shift=shift))


@pytest.mark.parametrize(("height", "fits"), [(8192, True), (8193, False)])
def test_codes_between_layers_are_67_million_at_most(height, fits):
    wide = replace(network(), image=ImageSpec(2, height, 4096))
    if fits:
        assert checked(wide) is wide
        return
    message = f"'image' has {2 * height * 4096} codes; the most for an image is 67108864"
    with pytest.raises(NetworkFileError, match=f"^{message}$"):
        checked(wide)


def test_a_network_has_a_layer_of_weights():
    empty = Network("n", ImageSpec(2, 4, 4), (4,), (Shortcut("s", "image", 2),), {})
    message = "layers must hold one of weights, conv2d or linear"
    with pytest.raises(NetworkFileError, match=f"^{message}$"):
        checked(empty)


def test_certificates_may_say_no_or_yes_in_each_channel():
    for values in ([0], [1]):
        plain = network()
        exact = {"c.b4.exact": np.array(values, np.uint8)}
        checked(replace(plain, tensors={**plain.tensors, **exact}))


def test_residuals_are_sources_too():
    logits = Linear("l", "image")
    for layer in (Linear("m", "image", residual="l", out_bits=4), Linear("m", "l", out_bits=4)):
        message = r"^layer 'm' reads 'l', which gives logits, not codes$"
        with pytest.raises(NetworkFileError, match=message):
            check_graph(Network("n", ImageSpec(2, 4, 4), (4,), (logits, layer), {}))


@pytest.mark.parametrize("residual", [False, True])
def test_each_tensor_of_a_layer_is_needed_and_no_other(residual):
    whole = network(residual=residual)
    names = set(whole.tensors)
    check_names(whole, names)
    check_names(whole, names | {"c.b4.exact"})
    for name in names:
        with pytest.raises(NetworkFileError, match=f"^tensor {name!r} is missing$"):
            check_names(whole, names - {name})
    more = {"z", "c.b8.bias", "b", "a"} | (set() if residual else {"c.b4.residual_multiplier"})
    message = f"tensors {sorted(more)[:3]} belong to no layer"
    with pytest.raises(NetworkFileError, match=f"^{re.escape(message)}$"):
        check_names(whole, names | more)
    logits = Network("n", ImageSpec(2, 4, 4), (4,), (Linear("l", "image"),), {})
    check_names(logits, {"l.codes", "l.b4.multiplier", "l.b4.bias"})  # logits are not shifted


def test_codes_have_the_dimensions_of_their_layer():
    for wrong in (np.zeros((1, 18), np.uint8), np.zeros((0, 2, 3, 3), np.uint8)):
        broken = network()
        broken.tensors["c.codes"] = wrong
        message = "tensor 'c.codes' must be uint8 with 4 dimensions, not uint8 with shape "
        with pytest.raises(NetworkFileError, match=re.escape(f"{message}{wrong.shape}")):
            checked(broken)
