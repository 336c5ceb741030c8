import numpy as np
import onnxruntime
import pytest

from truncmac.golden import Conv2d, Flatten, ImageSpec, Linear, Network, Setting, execute
from truncmac.onnx.export.plain.model import plain_model


def equals_golden(network, images, bits):
    model = plain_model(network, Setting("this", bits))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {"image": images})
    expected = execute(network, images, bits).logits
    np.testing.assert_array_equal(found, expected)
    return model, expected


def one_layer(layer, codes, image, *, shift=None, multiplier=1, bias=0):
    """A network of one layer, after a Flatten where it is linear, with parameters for all k."""
    outputs = len(codes)
    tensors = {"only.codes": codes}
    for k in range(1, 9):
        tensors[f"only.b{k}.multiplier"] = np.broadcast_to(np.int64(multiplier), outputs)
        tensors[f"only.b{k}.bias"] = np.broadcast_to(np.int64(bias), outputs)
        if shift is not None:
            tensors[f"only.b{k}.shift"] = np.broadcast_to(np.int64(shift), outputs)
    layers = (Flatten("flat", "image"), layer) if isinstance(layer, Linear) else (layer,)
    return Network("one", image, tuple(range(1, 9)), layers, tensors)


@pytest.mark.parametrize("offset", ["bipolar", "twos_complement"])
@pytest.mark.parametrize("bits", range(1, 9))
def test_every_weight_at_every_k(bits, offset):
    codes = np.arange(256, dtype=np.uint8).reshape(256, 1)
    network = one_layer(Linear("only", "flat", offset=offset), codes, ImageSpec(1, 1, 1, 8))
    images = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    _, sums = equals_golden(network, images, bits)
    weights = 2 * (np.arange(256) >> (8 - bits)) - (2**bits - (offset == "bipolar"))
    np.testing.assert_array_equal(sums, np.arange(256)[:, None] * weights)


@pytest.mark.parametrize("shift", [0, 1, 5, 40, 61])
def test_shifts_round_down_on_both_sides_of_zero(shift):
    """All that the sums -255..255 become around the codes' steps, as Python's own numbers say."""
    codes = np.array([[0], [255]], np.uint8)
    layer = Linear("only", "flat", bits=1, out_bits=3)
    most = 1 << max(shift - 3, 0)
    images = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    for bias in (-1, 0, 1, (1 << shift) - 1, -(1 << shift), (1 << shift) * 3 + 1):
        network = one_layer(
            layer,
            codes,
            ImageSpec(1, 1, 1, 8),
            shift=shift,
            multiplier=min(most, 1 << 50),
            bias=bias,
        )
        _, found = equals_golden(network, images, 8)
        expected = [
            [min(max((min(most, 1 << 50) * a * sign + bias) >> shift, 0), 7) for sign in (-1, 1)]
            for a in range(256)
        ]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("code", [0, 255])
@pytest.mark.parametrize("bits", [8, 1])
def test_a_reduction_that_32_bits_do_not_hold_is_split(code, bits):
    rng = np.random.default_rng(1)
    codes = np.full((3, 70_000), code, np.uint8)
    codes[1:] ^= rng.integers(0, 4, (2, 70_000), np.uint8)
    network = one_layer(Linear("only", "flat"), codes, ImageSpec(70, 100, 10, 8))
    images = np.full((2, 70, 100, 10), 255, np.uint8)
    images[1] -= rng.integers(0, 9, images.shape[1:], np.uint8)
    model, sums = equals_golden(network, images, bits)
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    assert len(products) == (6 if bits == 8 else 2)
    assert bits == 1 or np.abs(sums).max() >= 1 << 31


@pytest.mark.parametrize(("pad_code", "padding"), [(0, (2, 1)), (255, (2, 1)), (255, (0, 0))])
def test_a_split_convolution_has_its_border(pad_code, padding):
    rng = np.random.default_rng(2)
    codes = rng.integers(250, 256, (2, 700, 7, 7), np.uint8)
    layer = Conv2d("only", "image", padding=padding, pad_code=pad_code, stride=(2, 1))
    network = one_layer(layer, codes, ImageSpec(700, 9, 8, 8))
    images = rng.integers(250, 256, (1, 700, 9, 8), np.uint8)
    model, _ = equals_golden(network, images, 8)
    slices = [node for node in model.graph.node if node.op_type == "Slice"]
    assert len(slices) == 2


def test_a_kernel_that_32_bits_do_not_hold_is_refused_by_name():
    layer = Conv2d("only", "image")
    network = one_layer(layer, np.zeros((1, 1, 200, 200), np.uint8), ImageSpec(1, 200, 200, 8))
    message = "Layer 'only': the sum over one input channel can exceed 32 bits; there is no form"
    with pytest.raises(ValueError, match=message):
        plain_model(network, Setting("8", 8))
    plain_model(network, Setting("7", 7))


def test_numbers_that_64_bits_do_not_hold_are_refused_by_name():
    codes, image = np.zeros((1, 1), np.uint8), ImageSpec(1, 1, 1, 8)
    most = (1 << 63) - 1
    for multiplier, bias in ((1 << 48, 0), (1, most), (1, -most)):
        network = one_layer(Linear("only", "flat"), codes, image, multiplier=multiplier, bias=bias)
        with pytest.raises(
            ValueError, match="Layer 'only' can reach .*, which does not fit 64 bits"
        ):
            plain_model(network, Setting("8", 8))
    network = one_layer(Linear("only", "flat"), codes, image, multiplier=(1 << 46), bias=1 << 61)
    equals_golden(network, np.full((1, 1, 1, 1), 255, np.uint8), 8)
