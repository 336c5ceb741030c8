"""Layers of weights: Conv, Gemm, MatMul, and the batch-norms behind them."""

from dataclasses import replace

import numpy as np

from truncmac.golden import (
    AffineProduct,
    Conv2d,
    Linear,
    NetworkFileError,
    Product,
    output_shape,
)
from truncmac.golden.types import Pair, Reals

from .attributes import only, pads_of, pair_of
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import plain_stream
from .sums import open_sums
from .values import Activations, Sums, Value
from .weights import Weights

__all__ = ["read_batch_norm", "read_conv", "read_gemm", "read_matmul"]


@handles("Conv")
def read_conv(draft: Draft, node: Node) -> Value:
    """Convolution of one group, without dilation."""
    only(node, "kernel_shape", "strides", "pads", "dilations", "group", "auto_pad")
    weights = _weights(draft, node, 4)
    kernel = weights.codes.shape[2:]
    for key, wanted in (("group", 1), ("auto_pad", "NOTSET"), ("dilations", [1, 1])):
        if node.attributes.get(key, wanted) != wanted:
            raise NetworkFileError(f"has {key} = {node.attributes[key]}; it must be {wanted}")
    if list(node.attributes.get("kernel_shape", kernel)) != list(kernel):
        raise NetworkFileError("has a kernel_shape that is not its weights'")
    bias = draft.constant(node, 2, np.zeros(1)).astype(np.float64)
    stride, padding = pair_of(node, "strides", 1), pads_of(node)
    value = draft.value(node, 0)
    return _product(draft, node, value, weights, bias, stride=stride, padding=padding)


@handles("Gemm")
def read_gemm(draft: Draft, node: Node) -> Value:
    """Linear layer with its bias."""
    only(node, "alpha", "beta", "transA", "transB")
    given = [node.attributes.get(key, 1.0) for key in ("alpha", "beta")]
    if given != [1, 1] or node.attributes.get("transA", 0):
        raise NetworkFileError("must have alpha = beta = 1 and transA = 0")
    weights = _weights(draft, node, 2)
    if not node.attributes.get("transB", 0):
        weights = weights.transposed()
    bias = draft.constant(node, 2, np.zeros(1)).astype(np.float64)
    return _product(draft, node, draft.value(node, 0), weights, bias)


@handles("MatMul")
def read_matmul(draft: Draft, node: Node) -> Value:
    """Linear layer without a bias."""
    only(node)
    weights = _weights(draft, node, 2).transposed()
    return _product(draft, node, draft.value(node, 0), weights, np.zeros(1))


@handles("BatchNormalization")
def read_batch_norm(draft: Draft, node: Node) -> Value:
    """Batch-norm with its running statistics: a factor and a term for each channel."""
    only(node, "epsilon", "momentum", "training_mode", "spatial")
    if node.attributes.get("training_mode", 0):
        raise NetworkFileError("is in training mode; export the model for inference")
    sums = open_sums(draft, draft.value(node, 0))
    parts = [draft.constant(node, i).astype(np.float64) for i in range(1, 5)]
    channels = len(sums.product.codes)
    if any(part.shape != (channels,) for part in parts):
        raise NetworkFileError(f"must have four constants of {channels} numbers")
    slope, shift, mean, variance = parts
    below = variance + float(node.attributes.get("epsilon", 1e-5))
    if not (below > 0).all():
        raise NetworkFileError("must have variances above 0")
    slope = slope / np.sqrt(below)
    return sums.scaled(slope).moved(shift - slope * mean)


def _weights(draft: Draft, node: Node, rank: int) -> Weights:
    """The node's second input, quantised weights of `rank` dimensions."""
    value = draft.value(node, 1)
    if not isinstance(value, Weights):
        raise NetworkFileError(
            "has weights that are not quantised to at most 8 bits; put a Quant before them"
        )
    if value.codes.ndim != rank or value.codes.size == 0:
        raise NetworkFileError(f"must have weights of {rank} dimensions")
    return value


def _product(
    draft: Draft,
    node: Node,
    value: Value,
    weights: Weights,
    bias: Reals,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
) -> Sums:
    """Sums of a layer named after `node`: a convolution of weights (O, I, KH, KW), or (O, I)."""
    pad_code = 0
    if isinstance(value, Activations) and value.padding != (0, 0):
        if padding != (0, 0):
            raise NetworkFileError("has pads of its own after a Pad")
        padding, pad_code = value.padding, value.pad_code
        source = plain_stream(draft, replace(value, padding=(0, 0)))
    else:
        source = plain_stream(draft, value)
        pad_code = source.zero if padding != (0, 0) else 0
    unit, offset = weights.centred(0)
    name, outputs = draft.unique(node.name), len(weights.codes)
    layer: Product = Linear(name, source.layer, offset=offset)
    if weights.codes.ndim == 4:
        layer = Conv2d(
            name, source.layer, offset=offset, stride=stride, padding=padding, pad_code=pad_code
        )
    if bias.size not in (1, outputs):
        raise NetworkFileError(f"has {bias.size} biases for {outputs} channels")
    codes = np.ascontiguousarray(weights.codes)
    draft.codes[f"{name}.codes"] = codes
    draft.shapes[name] = output_shape(layer, draft.shapes[source.layer], draft.codes)
    if weights.truncated:
        draft.truncated[name] = weights.width
    product = AffineProduct(
        layer=layer,
        codes=codes,
        source=source,
        unit=unit,
        offset=np.broadcast_to(bias.reshape(-1), (outputs,)),
        width=weights.width,
    )
    return Sums(product)
