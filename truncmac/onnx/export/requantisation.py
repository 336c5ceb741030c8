"""From sums to codes or logits: (M*S + Mr*r + B) / 2**s in float64, then Floor and Quant."""

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from truncmac.golden import Product
from truncmac.golden.exact import EXACT_FLOAT64
from truncmac.golden.product import requantisation
from truncmac.golden.types import Integers, Reals

from .graph import GraphWriter, column

__all__ = ["write_outputs"]


def write_outputs(graph: GraphWriter, layer: Product, bits: int, sums: str) -> None:
    """The layer's codes, float32, or its logits, float64, of its `sums`."""
    name, shape = layer.name, graph.shapes[layer.name]
    value = _affine(graph, layer, bits, sums)
    if layer.out_bits is None:
        return
    if layer.rounding == "half_even":  # Round does so; B has added a half where s is above 0
        params = requantisation(graph.network, layer, graph.bits)
        shift = np.zeros(1) if params is None else params.shift
        half = column(np.where(shift > 0, 0.5, 0.0), shape)
        constant = graph.constant(f"{name}/half", half, np.float64)
        value = graph.double(f"{name}/less", "Sub", [value, constant], shape)
    op = "Round" if layer.rounding == "half_even" else "Floor"
    floor = graph.double(f"{name}/floor", op, [value], shape)
    narrow = graph.cast(f"{name}/float", floor, shape, TensorProto.FLOAT)
    graph.quant(name, narrow, shape, layer.out_bits, "ROUND")
    graph.largest[name] = (1 << layer.out_bits) - 1


def _affine(graph: GraphWriter, layer: Product, bits: int, sums: str) -> str:
    """(M*S + Mr*r + B) / 2**s, or logits M*S + B: exact in float64."""
    name, shape = layer.name, graph.shapes[layer.name]
    keys = ["multiplier", "bias", *(["residual_multiplier"] if layer.residual else [])]
    tensors = {
        key: graph.network.tensors[f"{name}.b{graph.bits}.{key}"].astype(np.int64) for key in keys
    }
    params = requantisation(graph.network, layer, graph.bits)
    shift = np.zeros(1, np.int64) if params is None else params.shift
    _check_exact(graph, layer, bits, tensors)
    unit: Reals = np.exp2(-shift.astype(np.float64))
    terms: dict[str, Reals] = {
        key: array.astype(np.float64) * unit for key, array in tensors.items()
    }
    value = _scaled(graph, layer, "multiplier", sums, terms["multiplier"])
    if layer.residual is not None:
        codes = graph.values[layer.residual]
        codes = graph.cast(f"{name}/residual", codes, shape, TensorProto.DOUBLE)
        extra = _scaled(graph, layer, "residual", codes, terms["residual_multiplier"])
        value = graph.double(f"{name}/added", "Add", [value, extra], shape)
    bias = graph.constant(f"{name}/bias", column(terms["bias"], shape), np.float64)
    final = name if layer.out_bits is None else graph.free(f"{name}/affine")
    return graph.node(final, "Add", [value, bias], shape, TensorProto.DOUBLE)


def _scaled(graph: GraphWriter, layer: Product, what: str, value: str, factor: Reals) -> str:
    """`value` times a factor (O,) of each channel."""
    shape = graph.shapes[layer.name]
    constant = graph.constant(f"{layer.name}/{what}", column(factor, shape), np.float64)
    return graph.double(f"{layer.name}/{what}_scaled", "Mul", [value, constant], shape)


def _check_exact(
    graph: GraphWriter, layer: Product, bits: int, tensors: Mapping[str, Integers]
) -> None:
    """No intermediate sum may need more than float64's 53 bits, in units of 2**-s."""
    most = graph.network.reduction(layer) * (1 << bits) * 255
    most *= 2 if isinstance(layer.offset, int) else 1
    sizes = {key: max(map(abs, array.tolist())) for key, array in tensors.items()}
    bound = sizes["multiplier"] * most + sizes["bias"]
    bound += sizes.get("residual_multiplier", 0) * 255
    if bound >= EXACT_FLOAT64:
        raise ValueError(
            f"Layer {layer.name!r} can reach {bound} at k = {graph.bits}, which float64 does "
            "not hold exactly; QONNX has no form for it. Use multipliers of fewer bits"
        )
