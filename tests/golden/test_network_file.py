import json
import os
import re
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as to_bytes

from tests.golden.networks import newer_network, small_network
from truncmac.golden import (
    AvgPool,
    Flatten,
    ImageSpec,
    Linear,
    Network,
    NetworkFileError,
    execute,
    load,
    save,
)

NETWORK = small_network()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


def parts(path):
    """(description, tensors) of the small network's file."""
    save(NETWORK, path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return json.loads(header["__metadata__"]["truncmac"]), dict(NETWORK.tensors)


def write(path, description, tensors):
    path.write_bytes(to_bytes(tensors, metadata={"truncmac": json.dumps(description)}))


def refused(path, message):
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load(path)


def test_what_is_saved_is_loaded(path):
    save(NETWORK, path)
    again = load(path)
    assert replace(again, tensors={}) == replace(NETWORK, tensors={})
    assert set(again.tensors) == set(NETWORK.tensors)
    images = np.zeros((1, 2, 7, 6), np.uint8)
    expected = execute(NETWORK, images, 2).logits
    np.testing.assert_array_equal(execute(again, images, 2).logits, expected)


def test_equal_networks_give_equal_bytes(path, tmp_path):
    save(NETWORK, path)
    shuffled = dict(reversed(NETWORK.tensors.items()))
    save(replace(NETWORK, tensors=shuffled), tmp_path / "other")
    assert path.read_bytes() == (tmp_path / "other").read_bytes()


def test_an_invalid_network_is_not_written(path):
    broken = replace(NETWORK, tensors={})
    with pytest.raises(NetworkFileError, match="tensor 'first.codes' is missing"):
        save(broken, path)
    assert list(path.parent.iterdir()) == []


LAYERS = {layer.name: index for index, layer in enumerate(NETWORK.layers)}


def layer(description, name):
    return description["layers"][LAYERS[name]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format="other"), "format must be 'truncmac-network', not 'other'"),
        (
            lambda d: d.update(version=3),
            "format version must be in 1..2, not 3; read it with the truncmac release that wrote "
            "it, or export it again",
        ),
        (
            lambda d: d.update(version=True),
            "format version must be in 1..2, not True; read it with the truncmac release that "
            "wrote it, or export it again",
        ),
        (
            lambda d: d.update(more=1),
            "the description must have the entries ['bit_widths', 'format', 'image', 'layers', "
            "'name', 'version']",
        ),
        (lambda d: d.update(name=1), "the network's name must be a string"),
        (lambda d: d.update(layers={}), "layers must be a list"),
        (lambda d: d.update(layers=[]), "there must be at least one layer"),
        (lambda d: d.update(layers=[1]), "each layer must be a JSON object"),
        (
            lambda d: d["image"].pop("bits"),
            "image must have ['bits', 'channels', 'height', 'width']",
        ),
        (lambda d: d["image"].update(height=0), "image height must be in 1..65536, not 0"),
        (lambda d: d["image"].update(bits=9), "image bits must be in 1..8, not 9"),
        (lambda d: d.update(bit_widths=[8, 8]), "bit_widths must be different k in 1..8"),
        (lambda d: d.update(bit_widths=[]), "bit_widths must be different k in 1..8"),
        (lambda d: d.update(bit_widths=[9]), "bit_widths must be different k in 1..8"),
        (
            lambda d: layer(d, "pool").update(op="min_pool"),
            "layer op must be one of conv2d, linear, max_pool, avg_pool, shortcut, flatten, "
            "lookup, concat, upsample, depth_to_space, scale, "
            "not 'min_pool'",
        ),
        (lambda d: layer(d, "pool").update(extra=1), "layer 'pool' has unknown entries ['extra']"),
        (lambda d: layer(d, "pool").pop("input"), "layer 'pool' lacks the entries ['input']"),
        (lambda d: layer(d, "pool").update(name=""), "layer '': name must be a name"),
        (
            lambda d: layer(d, "pool").update(stride=[0, 1]),
            "layer 'pool': stride must be two numbers of at least 1, not [0, 1]",
        ),
        (
            lambda d: layer(d, "third").update(padding=[1]),
            "layer 'third': padding must be two or four numbers of at least 0, not [1]",
        ),
        (lambda d: layer(d, "third").update(bits=9), "layer 'third': bits must be in 1..8, not 9"),
        (
            lambda d: layer(d, "third").update(out_bits=0),
            "layer 'third': out_bits must be in 1..8, not 0",
        ),
        (
            lambda d: layer(d, "third").update(offset="sign"),
            "layer 'third': offset must be one of ('bipolar', 'twos_complement'), or in 0..255, "
            "not 'sign'",
        ),
        (
            lambda d: layer(d, "first").update(pad_code=256),
            "layer 'first': pad_code must be in 0..255, not 256",
        ),
        (lambda d: layer(d, "second").update(name="first"), "layer 'first' is named twice"),
        (lambda d: layer(d, "first").update(name="image"), "layer 'image' is named twice"),
        (
            lambda d: layer(d, "first").update(input="third"),
            "layer 'first' reads 'third', which is no earlier layer",
        ),
        (
            lambda d: layer(d, "second").update(residual="second"),
            "layer 'second' reads 'second', which is no earlier layer",
        ),
        (
            lambda d: d["layers"].append({"op": "flatten", "name": "end", "input": "logits"}),
            "layer 'end' reads 'logits', which gives logits, not codes",
        ),
        (
            lambda d: layer(d, "second").update(padding=[0, 0]),
            "Layer 'second' gives (5, 5, 4), but its residual 'first' gives (5, 7, 6)",
        ),
        (
            lambda d: layer(d, "third").update(input="image"),
            "Layer 'third' takes 5 channels, but its input 'image' gives (2, 7, 6)",
        ),
        (
            lambda d: layer(d, "logits").update(input="mean"),
            "Layer 'logits' takes (4,), but its input 'mean' gives (4, 1, 1)",
        ),
        (
            lambda d: layer(d, "pool").update(kernel=[9, 9]),
            "Layer 'pool' takes at least one window, but its input 'second' gives (5, 7, 6)",
        ),
    ],
)
def test_a_wrong_description_is_refused(path, change, message):
    description, tensors = parts(path)
    change(description)
    write(path, description, tensors)
    refused(path, message)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("first.codes", None, "tensor 'first.codes' is missing"),
        ("second.b2.bias", None, "tensor 'second.b2.bias' is missing"),
        ("ghost", np.zeros(1), "tensors ['ghost'] belong to no layer"),
        (
            "first.codes",
            np.zeros((5, 2, 3, 3), np.int8),
            "tensor 'first.codes' must be uint8 with 4 dimensions, "
            "not int8 with shape (5, 2, 3, 3)",
        ),
        (
            "logits.codes",
            np.zeros((3, 4, 1, 1), np.uint8),
            "tensor 'logits.codes' must be uint8 with 2 dimensions, "
            "not uint8 with shape (3, 4, 1, 1)",
        ),
        *(
            (
                "first.b8.exact",
                array,
                "tensor 'first.b8.exact' must be uint8 with shape (5,), each 0 or 1",
            )
            for array in (np.full(5, 2, np.uint8), np.zeros(4, np.uint8), np.zeros(5))
        ),
        (
            "first.b8.bias",
            np.full(5, np.nan),
            "tensor 'first.b8.bias' must be int64 with shape (5,), not float64 with shape (5,)",
        ),
        (
            "first.b8.bias",
            np.zeros(4, np.int64),
            "tensor 'first.b8.bias' must be int64 with shape (5,), not int64 with shape (4,)",
        ),
        (
            "first.b8.shift",
            np.array([0, 1, 2, 3, 64]),
            "tensor 'first.b8.shift' must be in 0..63, not 0..64",
        ),
        (
            "third.b2.multiplier",
            np.full(4, 1 << 50),
            "layer 'third' can overflow 64 bits at k = 2",
        ),
        (
            "third.b2.bias",
            np.full(4, -(1 << 63)),
            "layer 'third' can overflow 64 bits at k = 2",
        ),
    ],
)
def test_wrong_tensors_are_refused(path, name, tensor, message):
    description, tensors = parts(path)
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor
    write(path, description, tensors)
    refused(path, message)


def test_other_safetensors_files_are_refused(path):
    path.write_bytes(to_bytes({"x": np.zeros(3)}))
    refused(
        path,
        "not a truncmac network: its metadata has no entry 'truncmac'. "
        "Export one with truncmac.golden.save",
    )


def test_a_description_that_is_no_json_is_refused(path):
    path.write_bytes(to_bytes({"x": np.zeros(3)}, metadata={"truncmac": "{"}))
    with pytest.raises(NetworkFileError):
        load(path)
    path.write_bytes(to_bytes({"x": np.zeros(3)}, metadata={"truncmac": "[" * 100_000}))
    with pytest.raises(NetworkFileError):
        load(path)


def test_a_missing_file_and_a_folder_are_named(path, tmp_path):
    with pytest.raises(FileNotFoundError, match="network.safetensors"):
        load(path)
    with pytest.raises((NetworkFileError, OSError), match=re.escape(str(tmp_path))):
        load(tmp_path)


def whole(path):
    save(NETWORK, path)
    return path.read_bytes()


def test_every_truncated_file_is_refused(path):
    data = whole(path)
    for size in [*range(0, 64), *range(64, len(data), 37), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(NetworkFileError):
            load(path)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_flipped_bits_give_an_error_or_a_valid_network(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "network.safetensors"
    content = bytearray(whole(path))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) * 8 - 1))
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(content))
    with suppress(NetworkFileError):  # and no other
        assert load(path).layers


def test_defaults_may_be_left_out(path):
    description, tensors = parts(path)
    for entry, kind in (
        (layer(description, "mean"), AvgPool),
        (layer(description, "logits"), Linear),
    ):
        for key in [key for key in entry if key not in ("op", "name", "input")]:
            del entry[key]
        assert kind(entry["name"], entry["input"]) in NETWORK.layers
    write(path, description, tensors)
    assert load(path).layers == NETWORK.layers


def test_four_gibibytes_are_the_most_that_is_read(path):
    """Of a sparse file, whose bytes are nowhere; one of just that size is not refused for it."""
    with path.open("wb") as file:
        file.truncate((4 << 30) + 1)
    refused(path, "4294967297 bytes; the most that is read is 4294967296")
    with path.open("wb") as file:
        file.truncate(4 << 30)
    with pytest.raises(NetworkFileError, match="not a whole safetensors file"):
        load(path)


def test_a_folder_is_told_from_a_file(tmp_path):
    refused(tmp_path, "a folder, not a safetensors file. Name a file in it")


def test_a_file_without_metadata_and_a_fifo_are_refused(path, tmp_path):
    path.write_bytes(to_bytes({"x": np.zeros(3)}, metadata={"other": "{}"}))
    with pytest.raises(NetworkFileError, match="not a truncmac network: its metadata has no entry"):
        load(path)
    os.mkfifo(tmp_path / "fifo")
    end = os.open(tmp_path / "fifo", os.O_RDWR)  # else to open it would wait
    with pytest.raises(ValueError, match="is a FIFO; an input must be a file"):
        load(tmp_path / "fifo")
    os.close(end)


def test_entries_stand_in_the_order_of_their_names(path):
    save(NETWORK, path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    text = header["__metadata__"]["truncmac"]
    assert text == json.dumps(json.loads(text), sort_keys=True)
    assert list(load(path).tensors) == sorted(NETWORK.tensors)


def test_what_version_2_has_is_saved_and_loaded(path):
    network = newer_network()
    save(network, path)
    again = load(path)
    assert (again.layers, again.image) == (network.layers, network.image)
    images = np.random.default_rng(0).integers(0, 64, (2, 2, 8, 6), np.uint8)
    np.testing.assert_array_equal(
        execute(again, images, 2).logits, execute(network, images, 2).logits
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": {"multiplier": 1 << 30, "bias": (1 << 60) - 1}}, None),
        ({"mean": {"kernel": (1 << 12, 1 << 12)}}, "at least one window"),
        ({"logits": {"pixels": 11}}, "takes (55,), but its input 'flat' gives (60,)"),
    ],
)
def test_wrong_means_and_pixels_are_refused(path, change, message):
    network = newer_network()
    layers = [replace(layer, **change.get(layer.name, {})) for layer in network.layers]
    wrong = replace(network, layers=tuple(layers))
    if message is None:
        save(wrong, path)
        return
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        save(wrong, path)


def test_no_sum_of_a_pool_may_need_more_than_64_bits(path):
    """2**31 times a window of 2**24 codes of 255 is what 64 bits do not hold."""
    layers = (
        AvgPool("mean", "image", out_bits=8, multiplier=(1 << 31) - 1, bias=0, shift=63),
        Flatten("flat", "mean"),
        Linear("logits", "flat"),
    )
    tensors = {"logits.codes": np.zeros((1, 1), np.uint8)}
    tensors |= {f"logits.b8.{name}": np.zeros(1, np.int64) for name in ("multiplier", "bias")}
    for side, fits in ((4096, True), (8192, False)):
        network = Network("wide", ImageSpec(1, side, side), (8,), layers, tensors)
        if fits:
            save(network, path)
            continue
        with pytest.raises(NetworkFileError, match="layer 'mean' can overflow 64 bits"):
            save(network, path)


def test_weights_are_counted_for_each_pixel(path):
    """A small file cannot ask for more memory than a large one."""
    layers = (Flatten("flat", "image"), Linear("logits", "flat", pixels=1 << 16))
    tensors = {"logits.codes": np.zeros((4097, 1), np.uint8)}
    tensors |= {f"logits.b8.{name}": np.zeros(4097, np.int64) for name in ("multiplier", "bias")}
    network = Network("wide", ImageSpec(1, 256, 256), (8,), layers, tensors)
    message = "layer 'logits' has 268500992 weights, counted for each pixel; at most 268435456"
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        save(network, path)
