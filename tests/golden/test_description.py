"""Entries of a description at both ends of their ranges; test_network_file.py has wrong kinds."""

import copy
import json
import re
from dataclasses import replace

import pytest

from tests.golden.networks import CODING, newer_network, small_network
from truncmac.golden import Conv2d, Linear, MaxPool, Shortcut
from truncmac.golden.description import described, description_of, read_layer

DESCRIPTION = json.loads(json.dumps(description_of(small_network())))
CONV = {"op": "conv2d", "name": "c", "input": "image"}
POOL = {"op": "max_pool", "name": "m", "input": "image"}
SHORTCUT = {"op": "shortcut", "name": "s", "input": "image"}


def changed(**entries):
    return copy.deepcopy(DESCRIPTION) | entries


def refused(message, make):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()


def test_a_description_says_all_that_a_network_is():
    network = small_network()
    again = described(DESCRIPTION)
    assert (again.name, again.image, again.bit_widths) == ("small", network.image, (8, 2))
    assert again.layers == network.layers
    assert DESCRIPTION["layers"][1] == {
        **{"op": "conv2d", "name": "second", "input": "first", "bits": None, "out_bits": 4},
        **{"residual": "first", "offset": "bipolar", "pad_code": 0},
        **{"stride": [1, 1], "padding": [1, 1]},
    }


@pytest.mark.parametrize("name", ["channels", "height", "width"])
def test_sizes_of_images(name):
    for size in (1, 65_536):
        image = DESCRIPTION["image"] | {name: size}
        assert getattr(described(changed(image=image)).image, name) == size
    for size in (0, 65_537, 1.0, True):
        image = DESCRIPTION["image"] | {name: size}
        refused(
            f"image {name} must be in 1..65536, not {size!r}",
            lambda image=image: described(changed(image=image)),
        )


def test_bits_of_images_and_networks():
    for bits in (1, 8):
        assert described(changed(image=DESCRIPTION["image"] | {"bits": bits})).image.bits == bits
    image = DESCRIPTION["image"] | {"bits": 9}
    refused("image bits must be in 1..8, not 9", lambda: described(changed(image=image)))
    every = [8, 1, 2, 3, 4, 5, 6, 7]
    assert described(changed(bit_widths=every)).bit_widths == tuple(every)
    for wrong in ([0], [9], [8, 4, 8], [], (8,), None, [True]):
        refused(
            "bit_widths must be different k in 1..8",
            lambda wrong=wrong: described(changed(bit_widths=wrong)),
        )


def test_numbers_of_layers():
    chain = [
        {"op": "flatten", "name": f"f{at}", "input": f"f{at - 1}" if at else "image"}
        for at in range(4097)
    ]
    assert len(described(changed(layers=chain[:1])).layers) == 1
    assert len(described(changed(layers=chain[:4096])).layers) == 4096
    refused("there must be at least one layer", lambda: described(changed(layers=[])))
    refused("there must be at most 4096 layers, not 4097", lambda: described(changed(layers=chain)))


@pytest.mark.parametrize(
    ("entry", "key", "allowed", "wrong", "message"),
    [
        (CONV, "bits", (1, 8, None), (0, 9, 2.0), "bits must be in 1..8"),
        (CONV, "out_bits", (1, 8, None), (0, 9, True), "out_bits must be in 1..8"),
        (CONV, "pad_code", (0, 255), (-1, 256, None), "pad_code must be in 0..255"),
        (SHORTCUT, "channels", (1, 65_536), (0, 65_537, None), "channels must be in 1..65536"),
    ],
)
def test_numbers_of_layers_entries(entry, key, allowed, wrong, message):
    for value in allowed:
        assert getattr(read_layer(entry | {key: value}), key) == value
    for value in wrong:
        refused(
            f"layer {entry['name']!r}: {message}, not {value!r}",
            lambda value=value: read_layer(entry | {key: value}),
        )


@pytest.mark.parametrize(
    ("entry", "key", "least", "count"),
    [
        *((CONV, "stride", 1, "two"), (CONV, "padding", 0, "two or four")),
        *((CONV, "dilation", 1, "two"), (POOL, "kernel", 1, "two"), (SHORTCUT, "stride", 1, "two")),
    ],
)
def test_pairs_of_layers_entries(entry, key, least, count):
    for pair in ([least, 65_536], [65_536, least], [least, least]):
        assert getattr(read_layer(entry | {key: pair}), key) == tuple(pair)
    below, above = [least - 1, 1], [1, 65_537]
    wrong = (below, above, below[::-1], above[::-1], [1], [1, 1, 1], 1, "11", [1, True])
    for pair in (*wrong, [1, 1, 1, 65_537], [1] * 5):
        refused(
            f"layer {entry['name']!r}: {key} must be {count} numbers of at least {least}, "
            f"not {pair!r}",
            lambda pair=pair: read_layer(entry | {key: pair}),
        )
    assert read_layer(CONV | {"padding": [0, 1, 2, 3]}).padding == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (CONV | {"groups": 0}, "layer 'c': groups must be in 1..65536, not 0"),
        (
            {"op": "concat", "name": "j", "input": "image", "others": ["a", ""]},
            "layer 'j': others must be a list of names",
        ),
        (
            {"op": "scale", "name": "s", "input": "image", "by": 3},
            "layer 's': by must be a name",
        ),
        (
            {"op": "scale", "name": "s", "input": "image", "by": "a", "zero": 256},
            "layer 's': zero must be in 0..255, not 256",
        ),
        (
            {"op": "upsample", "name": "u", "input": "image", "factor": [0, 1]},
            "layer 'u': factor must be two numbers of at least 1, not [0, 1]",
        ),
    ],
)
def test_wrong_entries_of_version_2(entry, message):
    refused(message, lambda: read_layer(entry))


def test_entries_that_are_left_out_have_their_defaults():
    assert read_layer(CONV) == Conv2d("c", "image", stride=(1, 1), padding=(0, 0), pad_code=0)
    assert read_layer(POOL) == MaxPool("m", "image", (2, 2), (2, 2), (0, 0))
    assert read_layer(SHORTCUT) == Shortcut("s", "image", 1, (1, 1))
    linear = read_layer({"op": "linear", "name": "l", "input": "x"})
    assert linear == Linear("l", "x", bits=None, out_bits=None, residual=None, offset="bipolar")


def test_all_that_lacks_and_all_that_is_too_much_is_named_in_order():
    refused("layer None lacks the entries ['input', 'name']", lambda: read_layer({"op": "flatten"}))
    refused(
        "layer 'c' has unknown entries ['a', 'b', 'z']",
        lambda: read_layer(CONV | {"z": 1, "a": 1, "b": 2}),
    )


CODED = json.loads(
    json.dumps(
        description_of(
            replace(small_network(), image=replace(small_network().image, coding=CODING))
        )
    )
)


def coded(**entries):
    """A description whose image has another coding."""
    image = CODED["image"]
    return CODED | {"image": image | {"coding": image["coding"] | entries}}


def test_the_version_is_the_lowest_that_says_all():
    assert DESCRIPTION["version"] == 1
    assert "coding" not in DESCRIPTION["image"]
    assert CODED["version"] == 2
    assert described(CODED).image.coding == CODING
    assert described(changed(version=2)).image.coding is None
    refused(
        "image must have ['bits', 'channels', 'height', 'width']",
        lambda: described(CODED | {"version": 1}),
    )


@pytest.mark.parametrize("name", ["scale", "offset", "mean", "deviation"])
def test_numbers_of_an_images_coding(name):
    """The image has 2 channels."""
    least = 1e-30 if name in ("scale", "deviation") else -1e30
    for values in ([least], [1e30], [1, 2.5], [3, 3]):
        assert getattr(described(coded(**{name: values})).image.coding, name) == tuple(values)
    for values in ([], [1, 2, 3], 1, None, {"0": 1}, "11"):
        refused(
            f"image {name} must be a list of 1 or 2 numbers",
            lambda values=values: described(coded(**{name: values})),
        )
    below = 1e-31 if least > 0 else -1.01e30
    for value in (below, 1.01e30, float("nan"), float("inf"), 10**400, True, "1", None):
        refused(
            f"image {name} must be numbers in {least:g}..1e+30",
            lambda value=value: described(coded(**{name: [1, value]})),
        )


def test_the_other_entries_of_an_images_coding():
    """Its codes have 6 bits."""
    for zero in (0, 63):
        assert described(coded(zero_point=zero)).image.coding.zero_point == zero
    for zero in (-1, 64, 1.0, True, None):
        refused(
            f"image zero_point must be in 0..63, not {zero!r}",
            lambda zero=zero: described(coded(zero_point=zero)),
        )
    for rounding in ("half_even", "half_up", "floor"):
        assert described(coded(rounding=rounding)).image.coding.rounding == rounding
    for rounding in ("half", None, ["floor"], {}):
        refused(
            f"image rounding must be one of half_even, half_up, floor, not {rounding!r}",
            lambda rounding=rounding: described(coded(rounding=rounding)),
        )
    refused("image signed must be true or false, not 1", lambda: described(coded(signed=1)))
    names = ["deviation", "mean", "offset", "rounding", "scale", "signed", "zero_point"]
    for wrong in (coded(more=1), CODED | {"image": CODED["image"] | {"coding": [1]}}):
        refused(f"image coding must have {names}", lambda wrong=wrong: described(wrong))


MEAN = {"op": "avg_pool", "name": "m", "input": "image"}
OWN = {"out_bits": 7, "multiplier": 3, "bias": -4, "shift": 5}
SHARED = {"op": "linear", "name": "l", "input": "image"}


def test_entries_of_version_2_make_a_description_one_of_version_2():
    found = json.loads(json.dumps(description_of(newer_network())))
    assert found["version"] == 2
    assert described(found).layers == newer_network().layers
    plain = replace(newer_network().image, coding=None)
    for layers in (newer_network().layers, small_network().layers):
        network = replace(newer_network(), image=plain, layers=layers)
        version = 1 if layers == small_network().layers else 2
        assert description_of(network)["version"] == version
    for entry, names in ((MEAN | OWN, [*sorted(OWN)]), (SHARED | {"pixels": 1}, ["pixels"])):
        refused(
            f"layer {entry['name']!r} has unknown entries {names}",
            lambda entry=entry: read_layer(entry, 1),
        )


@pytest.mark.parametrize(
    ("entry", "key", "least", "most"),
    [
        (MEAN | OWN, "out_bits", 1, 8),
        (MEAN | OWN, "multiplier", -(1 << 31), (1 << 31) - 1),
        (MEAN | OWN, "bias", -(1 << 60), (1 << 60) - 1),
        (MEAN | OWN, "shift", 0, 63),
        (SHARED, "pixels", 1, 1 << 16),
    ],
)
def test_whole_numbers_of_version_2(entry, key, least, most):
    for value in (least, most):
        assert getattr(read_layer(entry | {key: value}), key) == value
    for value in (least - 1, most + 1, 1.0, True, "1"):
        refused(
            f"layer {entry['name']!r}: {key} must be in {least}..{most}, not {value!r}",
            lambda value=value: read_layer(entry | {key: value}),
        )


def test_a_pool_requantises_with_all_of_its_numbers():
    assert read_layer(MEAN | OWN).requant.out_bits == 7
    assert read_layer(MEAN | dict.fromkeys(OWN)).requant is None
    for name in OWN:
        for wrong in (OWN | {name: None}, {name: OWN[name]}):
            refused(
                "layer 'm' must have all of out_bits, multiplier, bias, shift, or none",
                lambda wrong=wrong: read_layer(MEAN | wrong),
            )


def test_the_rounding_of_a_layer():
    for entry in (CONV, SHARED):
        assert read_layer(entry).rounding == "half_up"
        assert read_layer(entry | {"rounding": "half_even"}).rounding == "half_even"
        for wrong in ("even", None, 1):
            refused(
                f"layer {entry['name']!r}: rounding must be one of ('half_up', 'half_even'), "
                f"not {wrong!r}",
                lambda entry=entry, wrong=wrong: read_layer(entry | {"rounding": wrong}),
            )
        refused(
            f"layer {entry['name']!r} has unknown entries ['rounding']",
            lambda entry=entry: read_layer(entry | {"rounding": "half_up"}, 1),
        )
