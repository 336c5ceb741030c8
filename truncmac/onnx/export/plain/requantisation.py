"""Codes of wide numbers: an exact shift, and the limits of codes."""

import numpy as np
from onnx import TensorProto

from truncmac.golden import Layer
from truncmac.golden.requantise import Requantisation

from ..graph import column
from .graph import PlainGraph

__all__ = ["clamped_codes"]


def clamped_codes(graph: PlainGraph, layer: Layer, value: str, params: Requantisation) -> None:
    """The codes clamp(v >> s, 0, 2**m - 1) of int64 numbers, as what the layer gives.

    What is negative gives code 0, so it becomes 0 before the shift: ONNX shifts unsigned numbers
    only, and its division rounds towards 0.
    """
    name, shape, kind = layer.name, graph.shapes[layer.name], TensorProto.UINT64
    zero = graph.number(0, TensorProto.INT64)
    most = graph.number((1 << params.out_bits) - 1, kind)
    positive = graph.to(f"{name}/positive", "Clip", [value, zero], shape, TensorProto.INT64)
    unsigned = graph.cast(f"{name}/unsigned", positive, shape, kind)
    shift = graph.constant(f"{name}/shift", column(params.shift, shape), np.uint64)
    inputs = [unsigned, shift]
    shifted = graph.to(f"{name}/shifted", "BitShift", inputs, shape, kind, direction="RIGHT")
    clamped = graph.to(f"{name}/clamped", "Clip", [shifted, "", most], shape, kind)
    graph.codes(name, clamped, shape)
