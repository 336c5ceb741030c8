import numpy as np
import pytest

from tests.golden.networks import CODING, small_network
from truncmac.golden import (
    Flatten,
    ImageCoding,
    ImageSpec,
    Linear,
    Network,
    execute,
    image_formula,
    inspect_network,
    plane_information,
    truncate,
)


def test_sizes_are_those_of_the_layers_that_run():
    network = small_network()
    gemms = []
    images = np.zeros((1, 2, 7, 6), np.uint8)
    execute(network, images, 8, on_gemm=gemms.append)
    layers = inspect_network(network)
    assert [layer.name for layer in layers] == [gemm.name for gemm in gemms]
    for layer, gemm in zip(layers, gemms, strict=True):
        assert (layer.reduction, layer.columns) == (gemm.reduction, gemm.columns)
        assert layer.macs == gemm.macs
        assert layer.histogram.sum() == gemm.codes.size
    first, second, third, logits = layers
    assert first.bits == 8
    # The image is 7 x 6; the third layer's windows of 2 x 2 with stride (2, 1) leave 1 x 2 of 3 x 3
    assert [layer.macs for layer in layers] == [42 * 18 * 5, 42 * 45 * 5, 2 * 20 * 4, 4 * 3]
    assert [layer.output for layer in layers] == [(5, 7, 6), (5, 7, 6), (4, 1, 2), (3,)]
    assert [layer.weights for layer in layers] == [
        *((5, 2, 3, 3), (5, 5, 3, 3), (4, 5, 2, 2), (3, 4))
    ]
    assert [layer.kind for layer in layers] == ["conv2d"] * 3 + ["linear"]
    assert logits.sum_bits == 1 + (4 * 255 * 63).bit_length()
    codes = network.tensors["third.codes"].ravel().tolist()
    assert third.histogram.tolist() == [codes.count(code) for code in range(256)]
    assert first.weight_bytes(2) == 90  # 18 x 5 codes of 8 bits, whatever the network's k
    assert second.weight_bytes(2) == 57  # 450 bits
    assert second.weight_bytes(8) == 225
    # 6-bit image, 4-bit codes before: bits of K * 255 * A, and the sign
    assert first.sum_bits == 1 + (18 * 255 * 63).bit_length()
    assert third.sum_bits == 1 + (20 * 255 * 15).bit_length()
    assert first.exact is None


@pytest.mark.parametrize(("reduction", "bits"), [(274, 20), (275, 21)])
def test_sums_have_the_bits_of_the_largest_that_weights_and_codes_can_give(reduction, bits):
    """Codes of 4 bits: 274 x 255 x 15 = 1,048,050 is below 2**20, and with 275 it is not."""
    network = Network(
        "one",
        ImageSpec(channels=reduction, height=1, width=1, bits=4),
        bit_widths=(8,),
        layers=(Flatten("flat", "image"), Linear("logits", "flat")),
        tensors={"logits.codes": np.zeros((3, reduction), np.uint8)},
    )
    (found,) = inspect_network(network)
    assert found.sum_bits == bits + 1
    assert (found.macs, found.output, found.bits) == (3 * reduction, (3,), None)


def test_certificates_are_summed_up():
    network = small_network()
    network.tensors["first.b8.exact"] = np.array([1, 1, 0, 1, 1], np.uint8)
    network.tensors["first.b2.exact"] = np.ones(5, np.uint8)
    assert inspect_network(network)[0].exact == {8: 0.8, 2: 1.0}


def test_even_codes_have_a_bit_in_each_plane():
    np.testing.assert_allclose(plane_information(np.arange(256, dtype=np.uint8)), np.ones(8))


def test_a_plane_that_follows_from_those_above_says_nothing():
    codes = np.array([0b01111111, 0b10000000], np.uint8)
    np.testing.assert_allclose(plane_information(codes), [1, 0, 0, 0, 0, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_planes_add_up_to_the_codes_entropy(seed):
    codes = np.random.default_rng(seed).normal(128, 20, 5000).clip(0, 255).astype(np.uint8)
    shares = np.unique(truncate(codes, 5), return_counts=True)[1] / codes.size
    total = -(shares * np.log2(shares)).sum()
    assert plane_information(codes)[:5].sum() == pytest.approx(total)


@pytest.mark.parametrize("code", [0, 254, 255])
def test_the_histogram_has_all_codes(code):
    network = small_network()
    network.tensors["third.codes"] = np.full((4, 5, 2, 2), code, np.uint8)
    histogram = inspect_network(network)[2].histogram
    assert histogram.shape == (256,)
    assert (histogram[code], histogram.sum()) == (80, 80)


@pytest.mark.parametrize(
    ("image", "lines"),
    [
        (ImageSpec(1, 8, 8), ["a pixel is its code"]),
        (
            ImageSpec(1, 8, 8, 2),
            [
                "code = clip(rint(x / 0.333333333) + 0, 0, 3) of a real x",
                "x = p / 255 of a pixel p",
            ],
        ),
        (
            ImageSpec(2, 8, 8, 6, CODING),
            [
                "code = clip(rint((x - -0.125) / scale) + 3, 0, 63) of a real x",
                "x = (p / 255 - mean) / 0.125 of a pixel p",
                *("scale = 0.25, 0.5", "mean = 0.5, 0.25", "signed codes are 32 less"),
            ],
        ),
        (
            ImageSpec(17, 1, 1, 8, ImageCoding((1.0,) * 16 + (2.0,), rounding="floor")),
            [
                "code = clip(floor(x / scale) + 0, 0, 255) of a real x",
                "x = p / 255 of a pixel p",
                f"scale = {', '.join('1' * 16)}, ...",
            ],
        ),
    ],
)
def test_the_formula_of_an_image(image, lines):
    assert list(image_formula(image)) == lines
