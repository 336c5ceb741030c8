"""From the graph's input to codes, as the network's image coding says."""

import json

import numpy as np

from truncmac.golden import IMAGE, WEIGHT_BITS, ImageRounding
from truncmac.golden.coding import PIXELS

from .graph import GraphWriter, column

__all__ = ["write_image"]

MODES: dict[ImageRounding, str] = {"half_even": "ROUND", "half_up": "HALF_UP", "floor": "FLOOR"}


def write_image(graph: GraphWriter) -> str:
    """The tensor of the image's codes, made of the graph's input in float32, as golden does it."""
    image, shape = graph.network.image, graph.shapes[IMAGE]
    output = graph.free("image_codes")
    coding = image.coding
    if coding is None:
        if image.bits < WEIGHT_BITS:  # a graph that takes 0 to 255 is told from its codes
            graph.metadata[PIXELS] = json.dumps([[0.0], [1 / graph.largest[IMAGE]]])
        return graph.quant(output, IMAGE, shape, image.bits, "ROUND")
    graph.metadata[PIXELS] = json.dumps([coding.mean, coding.deviation])
    value = IMAGE
    if any(coding.offset):
        offset = graph.constant("image/offset", column(np.array(coding.offset), shape), np.float32)
        value = graph.node(graph.free("image/moved"), "Sub", [value, offset], shape)
    scale = graph.constant("image/scale", column(np.array(coding.scale), shape), np.float32)
    value = graph.node(graph.free("image/scaled"), "Div", [value, scale], shape)
    if coding.zero_point:
        if coding.rounding != "half_even":
            raise ValueError(
                "An image with a zero point whose halves are not rounded to the even code has no "
                "exact form in QONNX"
            )
        value = graph.node(graph.free("image/rounded"), "Round", [value], shape)
        zero = graph.scalars((f"code_{coding.zero_point}", coding.zero_point))
        value = graph.node(graph.free("image/code"), "Add", [value, *zero], shape)
    return graph.quant(output, value, shape, image.bits, MODES[coding.rounding])
