import re

import numpy as np
import pytest
from onnx import TensorProto

from tests.truncmac.onnx.graphs import Builder, refused, rest, simple
from truncmac.golden import NetworkFileError, execute, read_images, real_codes
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options


def test_images_without_a_quantiser_are_codes_that_stand_for_0_to_1(tmp_path):
    b = Builder((1, 2, 3, 3))
    x = b.node("Mul", b.node("Sub", "x", b.constant(51 / 255)), b.constant(4))
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    y = b.quant(b.node("Conv", x, w, name="one"), 0.25, 6)
    found = import_onnx(b.save(y, tmp_path / "graph.onnx"))
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 3, 3), np.uint8)
    reals = 4 * (images.astype(float) / 255 - 0.2).sum(1) / 0.25
    expected = np.clip(np.floor(reals + 0.5), 0, 63)
    logits = execute(found.network, images, 8).logits
    np.testing.assert_array_equal(logits, np.broadcast_to(expected[:, None], logits.shape))
    assert "An image's code stands for 0.00392157 * (code - 0)." in found.notes


def test_an_input_of_bytes_is_codes(tmp_path):
    b = Builder((1, 2, 3, 3), TensorProto.UINT8)
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    y = b.node("Cast", "x", to=TensorProto.FLOAT)
    y = b.node("Softmax", b.node("Conv", y, w))
    found = import_onnx(b.save(y, tmp_path / "graph.onnx"))
    assert "Softmax is left out: the logits put an image into the same class." in found.notes
    images = np.random.default_rng(0).integers(0, 256, (4, 2, 3, 3), np.uint8)
    logits = execute(found.network, images, 8).logits
    ratio = logits[:, 0] / images.sum(1)
    np.testing.assert_allclose(ratio, ratio.max())


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: simple(lambda b, x: b.quant("x", 2.0, 8)),
            "quantises the image in another way than an earlier node",
        ),
        (
            lambda: simple(lambda b, x: b.node("Mul", x, b.constant(-1))),
            "Conv 'conv' has an input whose factor is not above 0",
        ),
        (
            lambda: rest(lambda b, y: b.quant(b.node("Mul", "x", b.constant(-1)), 1, 8, name="q")),
            "Quant 'q' quantises an image whose factor is not above 0",
        ),
        (
            lambda: simple(lambda b, x: b.node("Sub", "x", b.constant(0.3))),
            "Conv 'conv' has an image less a mean that is no whole number of 1/255; put a Quant",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Flatten", b.constant(np.ones((1, 2, 2, 2))), name="f")
            ),
            "Flatten 'f' has an input that is not quantised; put a Quant before it",
        ),
        (
            lambda: simple(
                lambda b, x: b.node(
                    "Flatten", b.node("Pad", x, b.constant([0, 0, 1, 1] * 2, int)), name="f"
                )
            ),
            "Flatten 'f' must not follow a Pad",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def features(change=lambda b: "x"):
    """A linear layer of features that the graph does not quantise."""
    b = Builder((1, 4))
    w = b.quant(b.constant(np.eye(4)), 1.0, 2, signed=1)
    return b, b.node("Gemm", change(b), w, transB=1, name="gemm")


def test_features_without_a_quantiser_get_the_range_of_the_users(tmp_path):
    """From -3 to 2.1: a step of 0.02, and 150 is the code of 0."""
    b, y = features()
    reals = np.random.default_rng(0).uniform(-3, 2.1, (50, 4))
    reals[0, :2] = -3, 2.1
    np.save(tmp_path / "reals.npy", reals)
    given = read_images(tmp_path / "reals.npy")
    found = import_onnx(b.save(y, tmp_path / "graph.onnx"), Options(images=given))
    coding = found.network.image.coding
    assert coding.scale == pytest.approx((0.02,))
    assert (coding.zero_point, coding.offset) == (150, (0.0,))
    assert "The graph does not quantise its input: its codes are chosen here." in found.notes
    logits = execute(found.network, given.codes(found.network.image), 8).logits
    factor = (logits * reals).sum() / (reals**2).sum()
    np.testing.assert_allclose(logits / factor, reals, atol=0.0115)


def test_features_are_never_taken_for_codes(tmp_path):
    message = (
        "Gemm 'gemm' takes features that the graph does not quantise; give real ones with --data, "
        "whose range its codes get"
    )
    refused(*features(), message, tmp_path)
    b, y = features()
    path = b.save(y, tmp_path / "graph.onnx")
    for array, message in (
        (np.zeros((3, 4)), "takes numbers that are all 0, or too large to have codes"),
        (np.full((3, 4), 1e300), "takes numbers that are all 0, or too large to have codes"),
        (np.full((3, 4), np.nan), "images must be finite, not NaN or infinite"),
    ):
        np.save(tmp_path / "reals.npy", array)
        with pytest.raises(NetworkFileError, match=message):
            import_onnx(path, Options(images=read_images(tmp_path / "reals.npy")))


def test_a_normalisation_within_the_graph_is_that_of_its_reals(tmp_path):
    """x less a mean and divided by a deviation, each for each channel, then quantised."""
    b = Builder((1, 2, 3, 3))
    mean, deviation = np.array([0.3, 0.4]), np.array([0.25, 0.5])
    x = b.node("Sub", "x", b.constant(mean.reshape(1, 2, 1, 1)))
    x = b.quant(b.node("Div", x, b.constant(deviation.reshape(1, 2, 1, 1))), 1 / 32, 8, signed=1)
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    found = import_onnx(b.save(b.node("Conv", x, w), tmp_path / "graph.onnx"))
    image = found.network.image
    assert image.coding.scale == pytest.approx(tuple(deviation / 32))
    assert image.coding.offset == pytest.approx(tuple(mean))
    assert (image.coding.zero_point, image.coding.signed) == (128, True)
    assert "An image's codes stand for other numbers in each channel." in found.notes
    reals = np.random.default_rng(0).uniform(0, 1, (5, 2, 3, 3)).astype(np.float32)
    levels = (reals - mean.reshape(2, 1, 1)) / deviation.reshape(2, 1, 1) * 32
    np.testing.assert_array_equal(real_codes(reals, image.coding, 8), np.rint(levels) + 128)


@pytest.mark.parametrize(
    ("scale", "zero", "deviation"),
    [(1.0, 0, 1 / 255), (0.5, 0, 1.0), (1.0, 127, 1 / 255), (1.0, 128, 1 / 255), (0.9, 128, 1.0)],
)
def test_graphs_whose_codes_reach_128_take_pixels_as_they_are(tmp_path, scale, zero, deviation):
    """255 steps of a half are 127.5; 128 steps of 0.9 are 115, and 127 of 1 are 127."""
    b = Builder((1, 2, 3, 3))
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    y = b.node("Conv", b.quant("x", scale, 8, zero=float(zero)), w)
    coding = import_onnx(b.save(y, tmp_path / "graph.onnx")).network.image.coding
    assert coding.deviation == (deviation,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(mean=(0.1, 0.2, 0.3)), "must have 1 or 2 numbers as mean"),
        (Options(deviation=(0.0,)), "has an image whose deviation is not in 1e-30..1e+30"),
        (Options(mean=(1e31,)), "has an image whose mean is not in -1e+30..1e+30"),
    ],
)
def test_wrong_normalisations_are_refused(tmp_path, options, message):
    builder, output = simple()
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        import_onnx(builder.save(output, tmp_path / "graph.onnx"), options)


def test_pixels_that_the_user_normalises_give_an_image_its_range(tmp_path):
    """(0 - 0.5) / 0.25 to (1 - 0.5) / 0.25: 4 in 255 steps."""
    b = Builder((1, 2, 3, 3))
    w = b.quant(b.constant(np.ones((2, 2, 1, 1))), 1.0, 2, signed=1)
    path = b.save(b.node("Conv", "x", w), tmp_path / "graph.onnx")
    found = import_onnx(path, Options(mean=(0.5,), deviation=(0.25,)))
    coding = found.network.image.coding
    assert coding.scale == pytest.approx((4 / 255,))
    assert coding.zero_point == 128
