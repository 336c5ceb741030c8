import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import newer_network, small_network
from truncmac.golden import (
    Executor,
    Flatten,
    ImageSpec,
    Linear,
    Network,
    check_rounding,
    code_bits,
    example_images,
    example_network,
    execute,
    layer_bits,
    truncate,
)
from truncmac.golden import executor as module

NETWORK = small_network()
IMAGES = np.random.default_rng(5).integers(0, 64, (3, 2, 7, 6), np.uint8)


def convolve(codes, weights, offset, bits, stride, padding, pad_code):
    """Sums S of a convolution by plain loops over the outputs, in Python's integers."""
    top, left = padding
    padded = np.pad(codes, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=pad_code)
    integers = 2 * (weights.astype(object) >> (8 - bits)) - offset
    _, _, kh, kw = weights.shape
    rows = range(0, padded.shape[2] - kh + 1, stride[0])
    columns = range(0, padded.shape[3] - kw + 1, stride[1])
    return np.array(
        [
            [
                [
                    [(image[:, y : y + kh, x : x + kw].astype(object) * w).sum() for x in columns]
                    for y in rows
                ]
                for w in integers
            ]
            for image in padded
        ]
    )


def requantise(sums, prefix, out_bits, residual=None):
    def channel(name):
        return NETWORK.tensors[f"{prefix}.{name}"].astype(object).reshape(1, -1, 1, 1)

    value = channel("multiplier") * sums + channel("bias")
    if residual is not None:
        value = value + channel("residual_multiplier") * residual.astype(object)
    shifted = np.vectorize(lambda v, s: int(v) >> int(s))(value, channel("shift"))
    return np.clip(shifted, 0, 2**out_bits - 1)


@pytest.mark.parametrize("bits", [8, 2])
def test_every_layer_equals_plain_loops(bits):
    t = NETWORK.tensors
    outputs = execute(NETWORK, IMAGES, bits).outputs
    one, none = (1, 1), (0, 0)

    sums = convolve(IMAGES, t["first.codes"], 255, 8, one, one, 3)
    np.testing.assert_array_equal(outputs["first"], requantise(sums, f"first.b{bits}", 4))

    first = outputs["first"]
    sums = convolve(first, t["second.codes"], 2**bits - 1, bits, one, one, 0)
    second = requantise(sums, f"second.b{bits}", 4, first)
    np.testing.assert_array_equal(outputs["second"], second)

    pooled = second[:, :, :6, :6].reshape(3, 5, 3, 2, 3, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(outputs["pool"], pooled)

    sums = convolve(pooled, t["third.codes"], 2**bits, bits, (2, 1), none, 0)
    third = requantise(sums, f"third.b{bits}", 6)
    np.testing.assert_array_equal(outputs["third"], third)

    count = third.shape[2] * third.shape[3]
    mean = (2 * third.sum(axis=(2, 3)) + count) // (2 * count)
    np.testing.assert_array_equal(outputs["flat"], mean)

    integers = 2 * (t["logits.codes"].astype(int) >> (8 - bits)) - (2**bits - 1)
    logits = mean @ integers.T * t[f"logits.b{bits}.multiplier"] + t[f"logits.b{bits}.bias"]
    np.testing.assert_array_equal(outputs["logits"], logits)
    assert len(np.unique(outputs["second"])) > 4


def test_each_layers_product_is_told():
    gemms = []
    outputs = execute(NETWORK, IMAGES, 2, on_gemm=gemms.append).outputs
    assert [(g.name, g.bits, g.offset) for g in gemms] == [
        *(("first", 8, 255), ("second", 2, 3), ("third", 2, 4), ("logits", 2, 3))
    ]
    second = gemms[1].outputs().reshape(3, 7, 6, 5).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(second, outputs["second"])


def test_layers_may_have_bit_widths_of_their_own():
    widths = {"second": 2, "third": 8, "logits": 2}
    assert layer_bits(NETWORK, widths) == {
        "first": (8, 8),
        "second": (2, 2),
        "third": (8, 8),
        "logits": (2, 2),
    }
    mixed = execute(NETWORK, IMAGES, widths).outputs
    whole = execute(NETWORK, IMAGES, 8).outputs
    np.testing.assert_array_equal(mixed["first"], whole["first"])
    assert not np.array_equal(mixed["second"], whole["second"])


@pytest.mark.parametrize(
    ("bits", "message"),
    [
        (4, "The network has no parameters for k = 4, only for 2, 8"),
        (9, "Bit-width k must be in 1..8, not 9"),
        (
            {"second": 2, "third": 4, "logits": 8},
            "Layer 'third' has no parameters for k = 4, only for 2, 8",
        ),
        (
            {"second": 2},
            "Bit-widths must be given for the layers without a k of their own, second, third, "
            "logits, not for second",
        ),
    ],
)
def test_bit_widths_without_parameters_are_refused(bits, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        execute(NETWORK, IMAGES, bits)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            IMAGES[:, :1],
            "Images must be uint8 with shape (B, 2, 7, 6), not uint8 with shape (3, 1, 7, 6)",
        ),
        (
            IMAGES.astype(np.float32),
            "Images must be uint8 with shape (B, 2, 7, 6), not float32 with shape (3, 2, 7, 6)",
        ),
        (IMAGES[:0], "Images must be at least one, not none"),
        (IMAGES + np.uint8(64), "Image codes must be at most 63, not 127"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    images = images.copy()
    if "127" in message:
        images[0, 0, 0, 0] = 127
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        execute(NETWORK, images, 8)


def test_codes_end_with_the_largest_of_the_images_bits():
    images = np.full((1, 2, 7, 6), 63, np.uint8)
    execute(NETWORK, images, 8)
    images[0, 1, 6, 5] = 64
    with pytest.raises(ValueError, match="^Image codes must be at most 63, not 64$"):
        execute(NETWORK, images, 8)


def test_logits_may_have_a_residual():
    layers = [*NETWORK.layers]
    layers[-1] = replace(layers[-1], name="more", residual="logit_codes", input="flat")
    layers.insert(-1, replace(layers[-1], name="logit_codes", residual=None, out_bits=8))
    tensors = dict(NETWORK.tensors)
    for bits in NETWORK.bit_widths:
        for name, value in (("multiplier", 3), ("bias", -2), ("residual_multiplier", 100)):
            tensors[f"more.b{bits}.{name}"] = np.full(3, value)
        for name, value in (("multiplier", 1), ("bias", 90), ("shift", 1)):
            tensors[f"logit_codes.b{bits}.{name}"] = np.full(3, value)
    tensors["more.codes"] = tensors["logit_codes.codes"] = tensors.pop("logits.codes")
    network = replace(NETWORK, layers=tuple(layers), tensors=tensors)
    gemms = []
    outputs = execute(network, IMAGES, 8, on_gemm=gemms.append).outputs
    expected = 3 * gemms[-1].sums() - 2 + 100 * outputs["logit_codes"].astype(int)
    np.testing.assert_array_equal(outputs["more"], expected)


def test_only_what_is_kept_is_there():
    whole = execute(NETWORK, IMAGES, 8)
    part = execute(NETWORK, IMAGES, 8, keep=["second", "flat"])
    assert list(part.outputs) == ["second", "flat"]
    np.testing.assert_array_equal(part.outputs["second"], whole.outputs["second"])
    nothing = execute(NETWORK, IMAGES, 8, keep=())
    assert not nothing.outputs
    np.testing.assert_array_equal(nothing.logits, whole.logits)
    message = "Layers to keep must be the network's, not 'tenth'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        execute(NETWORK, IMAGES, 8, keep=["tenth"])


def test_a_prepared_network_runs_again_and_again():
    executor = Executor(NETWORK, 2)
    for seed in range(3):
        images = np.random.default_rng(seed).integers(0, 64, (seed + 1, 2, 7, 6), np.uint8)
        expected = execute(NETWORK, images, 2).logits
        np.testing.assert_array_equal(executor.run(images).logits, expected)


def test_memory_does_not_grow_with_what_is_not_kept():
    network = example_network("resnet20")
    executor, images = Executor(network, 8), example_images("resnet20", 64)
    executor.run(images[:1], keep=())
    peaks = {}
    for keep in ((), None):
        tracemalloc.start()
        executor.run(images, keep=keep)
        peaks[keep] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[()] < 8e6 < peaks[None]


@pytest.mark.parametrize("bits", [8, 5])
def test_sums_that_float32_cannot_hold_are_exact(bits):
    """The largest codes of `bits` bits times the largest weights, 2**24 and more, and odd."""
    most = (1 << bits) - 1
    count = (1 << 24) // (255 * most) + 100
    images = np.full((3, count, 1, 1), most, np.uint8)
    images[1, 7] -= 1
    images[2, 8:10] -= 1
    network = Network(
        "long",
        ImageSpec(count, 1, 1, bits),
        (8,),
        (Flatten("flat", "image"), Linear("logits", "flat")),
        {
            "logits.codes": np.full((1, count), 255, np.uint8),
            "logits.b8.multiplier": np.array([1]),
            "logits.b8.bias": np.array([0]),
        },
    )
    whole = 255 * most * count
    assert whole > 1 << 24
    found = execute(network, images, 8).logits.ravel().tolist()
    assert found == [whole, whole - 255, whole - 2 * 255]


def test_blocks_are_as_large_as_the_cache_and_one_for_each_thread(monkeypatch):
    """The largest layer has 5 x 7 x 6 = 210 codes."""
    executor = Executor(NETWORK, 8)
    for block, count, threads, sizes in (
        (210, 4, 1, [1, 1, 1, 1]),
        (420, 5, 1, [2, 2, 1]),
        (419, 2, 1, [1, 1]),
        (1, 2, 1, [1, 1]),
        (1 << 19, 5, 1, [5]),
        (1 << 19, 5, 2, [3, 2]),
        (1 << 19, 5, 9, [1] * 5),
    ):
        monkeypatch.setattr(module, "BLOCK", block)
        blocks = executor._blocks(count, threads)
        assert [part.stop - part.start for part in blocks[:-1]] == sizes[:-1]
        assert (blocks[0].start, len(range(count)[blocks[-1]])) == (0, sizes[-1])
        assert [part.start for part in blocks[1:]] == [part.stop for part in blocks[:-1]]


def test_means_and_pixels_that_share_a_weight_are_those_of_python():
    """Window by window and product by product, in Python's integers."""
    network = newer_network()
    images = np.random.default_rng(3).integers(0, 64, (3, 2, 8, 6), np.uint8)
    for bits in (8, 2):
        outputs = execute(network, images, bits).outputs
        for image in range(3):
            found = outputs["mean"][image]
            for c, y, x in np.ndindex(5, 4, 3):
                window = outputs["conv"][image, c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
                value = (11000 * int(window.sum()) + 9000) >> 13
                assert found[c, y, x] == min(max(value, 0), 127)
            codes = truncate(network.tensors["logits.codes"], bits).astype(int)
            vector = found.reshape(5, 12).astype(int).sum(1)
            sums = (2 * codes - 2**bits) @ vector
            m, b = (network.tensors[f"logits.b{bits}.{name}"] for name in ("multiplier", "bias"))
            assert outputs["logits"][image].tolist() == (m * sums + b).tolist()
        assert len(np.unique(outputs["mean"])) > 15
        assert outputs["mean"].max() > 15  # of more bits than what they are means of


@pytest.mark.parametrize("pixels", [1, 2, 255, 256, 257, 258, 511, 512, 1009])
def test_many_pixels_may_share_a_weight(pixels):
    """All that they can give: one code of 255 more than 256 is what float32 holds no more."""
    codes = np.array([[255, 0], [0, 0], [255, 255]], np.uint8)
    tensors = {"logits.codes": codes}
    tensors |= {"logits.b8.multiplier": np.ones(3, int), "logits.b8.bias": np.zeros(3, int)}
    layers = (
        Flatten("flat", "image"),
        Linear("logits", "flat", offset="twos_complement", pixels=pixels),
    )
    network = Network("pixels", ImageSpec(2, 1, pixels), (8,), layers, tensors)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 2, 1, pixels)).astype(np.uint8)
    images[0] = 255
    vectors = images.reshape(4, 2, pixels).astype(int).sum(2)
    expected = vectors @ (2 * codes.astype(int) - 256).T
    gemms = []
    found = execute(network, images, 8, on_gemm=gemms.append)
    np.testing.assert_array_equal(found.logits, expected)
    (gemm,) = gemms
    assert (gemm.reduction, gemm.columns) == (2 * pixels, 3) == (network.reduction(layers[1]), 3)
    np.testing.assert_array_equal(gemm.sums(), expected)
    assert code_bits(newer_network())["flat"] == 7


def test_halves_to_the_even_code_in_a_network_are_those_of_requantise():
    """On floats and on 64-bit integers: the second of the multipliers is too wide for floats."""
    network = small_network()
    layers = [
        replace(layer, rounding="half_even") if layer in network.products else layer
        for layer in network.layers
    ]
    tensors = dict(network.tensors)
    for name in ("first", "second"):
        tensors[f"{name}.b8.shift"] = np.full(5, 6 if name == "first" else 46)
        tensors[f"{name}.b8.multiplier"] = np.full(5, 1 if name == "first" else 1 << 36)
        tensors[f"{name}.b8.bias"] = np.full(5, 32 if name == "first" else 1 << 45)
    even = replace(network, layers=tuple(layers), tensors=tensors)
    images = np.random.default_rng(0).integers(0, 2, (9, 2, 7, 6), np.uint8)
    gemms = []
    outputs = execute(even, images, 8, on_gemm=gemms.append).outputs
    for gemm in gemms[:3]:
        values = outputs[gemm.name].transpose(0, 2, 3, 1).reshape(-1, gemm.columns)
        np.testing.assert_array_equal(values, gemm.outputs())
    up = execute(replace(network, tensors=tensors), images, 8).outputs
    assert (up["first"] != outputs["first"]).any()
    with pytest.raises(ValueError, match="^Layer 'first' rounds halves to the even code, and hard"):
        check_rounding(even)
    check_rounding(network)
