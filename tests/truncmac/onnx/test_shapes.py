import numpy as np
import pytest

from tests.truncmac.onnx.graphs import refused, rest, simple
from truncmac.golden import Flatten, Shortcut, execute
from truncmac.onnx.importing import import_onnx


def sliced(b, y, starts, ends, steps):
    """A Slice along height and width."""
    parts = [b.constant(part, np.int64) for part in (starts, ends, [2, 3], steps)]
    return b.node("Slice", y, *parts, name="s")


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            lambda: simple(
                lambda b, x: b.node("Pad", x, b.constant([0, 1, 1, 0, 0, 0, 0, 0], int))
            ),
            "must pad height and width, or behind the channels",
        ),
        (
            lambda: simple(
                lambda b, x: b.node(
                    "Pad", x, b.constant([0, 0, 1, 0, 0, 0, 1, 0], int), b.constant(0.5)
                )
            ),
            "pads with a value that no code stands for",
        ),
        (
            lambda: rest(lambda b, y: b.node("Flatten", y, name="f", axis=2)),
            "Flatten 'f' must have axis = 1",
        ),
        (
            lambda: rest(lambda b, y: b.node("Reshape", y, b.constant([1, 3, 16], int), name="r")),
            "Reshape 'r' must give (batch, 48), not (1, 3, 16)",
        ),
        (
            lambda: rest(lambda b, y: b.node("Transpose", y, name="t", perm=[0, 2, 1, 3])),
            "Transpose 't' reorders axes by [0, 2, 1, 3]; only channels may go last, or to the",
        ),
        (
            lambda: rest(lambda b, y: b.node("Squeeze", y, name="s", axes=[1])),
            "Squeeze 's' must take height and width away, axes 2 and 3",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Reshape", b.constant([1]), b.constant([2], int), name="r")
            ),
            "Reshape 'r' does not fit its constants",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Pad", y, b.constant([0] * 8, int), name="p", mode="reflect")
            ),
            "Pad 'p' must have mode = constant",
        ),
        (
            lambda: rest(lambda b, y: b.node("Pad", y, b.constant([0] * 4, int), name="p")),
            "Pad 'p' must have 8 pads of at least 0, of an image",
        ),
        (
            lambda: rest(
                lambda b, y: b.node("Pad", y, b.constant([0, 0, 1, 1, 0, 2, 1, 1], int), name="p")
            ),
            "Pad 'p' must add either a border or channels of code 0",
        ),
        (
            lambda: rest(lambda b, y: sliced(b, y, [1, 0], [4, 4], [2, 2])),
            "Slice 's' must keep every n-th pixel of the whole height and width",
        ),
        (
            lambda: rest(lambda b, y: sliced(b, y, [0, 0], [4, 4], [2, 0])),
            "Slice 's' must have steps of at least 1",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(graph, message, tmp_path):
    refused(*graph(), message, tmp_path)


def test_pixels_are_left_out_and_channels_added(tmp_path):
    """A shortcut past a stride, and what squeezes a single pixel."""

    def change(b, y):
        y = sliced(b, y, [0, 0], [4, 1 << 40], [4, 4])
        y = b.node("Pad", y, b.constant([0, 0, 0, 0, 0, 2, 0, 0], np.int64), name="p")
        return b.node("Squeeze", y, axes=[2, 3], name="q")

    b, y = rest(change)
    network = import_onnx(b.save(y, tmp_path / "graph.onnx")).network
    assert network.layers[1:] == (
        Shortcut("s", "conv", channels=3, stride=(4, 4)),
        Shortcut("p", "s", channels=5),
        Flatten("q", "p"),
    )
    images = np.random.default_rng(0).integers(0, 2, (9, 2, 6, 6), np.uint8)
    found = execute(network, images, 8)
    np.testing.assert_array_equal(found.logits[:, :3], found.outputs["conv"][:, :, 0, 0])
    np.testing.assert_array_equal(found.logits[:, 3:], 0)
