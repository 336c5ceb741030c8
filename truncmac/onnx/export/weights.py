"""Weights W = 2 ck - z of QONNX: 8-bit codes, quantised, truncated to k bits, and centred."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from truncmac.golden import Conv2d, Product, weight_offset

from .graph import GraphWriter

__all__ = ["write_weights"]


def write_weights(graph: GraphWriter, layer: Product, bits: int) -> str:
    """The weights at `bits`, (O, I, KH, KW) or, for MatMul, (I, O)."""
    codes = graph.network.weights(layer)
    codes = codes if isinstance(layer, Conv2d) else codes.T
    shape, name = codes.shape, layer.name

    def node(what: str, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        return graph.node(graph.free(f"{name}/{what}"), op, inputs, shape, whole=True, **attributes)

    eight = graph.scalars(("one", 1), ("zero", 0), ("bits_8", 8))
    given = graph.constant(f"{name}/codes", codes, np.float32)
    unsigned = {"signed": 0, "narrow": 0}
    whole = node("codes8", "Quant", [given, *eight], rounding_mode="ROUND", **unsigned)
    step = 1 << (8 - bits)  # a Trunc keeps what its codes are worth
    to = graph.scalars((f"step_{step}", step), (f"bits_{bits}", bits))
    kept = node(f"codes{bits}", "Trunc", [whole, *eight, *to], rounding_mode="FLOOR", **unsigned)
    doubled = node("doubled", "Mul", [kept, *graph.scalars((f"two_of_{step}", 2 / step))])
    offset = weight_offset(bits, layer.offset)
    return node("weights", "Sub", [doubled, *graph.scalars((f"offset_{offset}", offset))])
