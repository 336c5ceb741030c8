"""Layers of weights: Conv, Gemm, MatMul, and the batch-norms behind them."""

from dataclasses import replace
from typing import Any

import numpy as np

from truncmac.golden import (
    AffineProduct,
    Conv2d,
    DepthToSpace,
    Linear,
    NetworkFileError,
    Product,
    Stream,
    output_shape,
)
from truncmac.golden.layers import spread
from truncmac.golden.types import Padding, Pair, Reals

from .attributes import MOST_SIZE, joined, only, pads_of, pair_of, whole_number
from .draft import Draft
from .means import over_windows
from .read import Node
from .registry import handles
from .streams import plain_stream
from .sums import open_sums
from .values import Activations, Mean, Sums, Value
from .weights import Weights

__all__ = ["read_batch_norm", "read_conv", "read_conv_transpose", "read_gemm", "read_matmul"]


@handles("Conv")
def read_conv(draft: Draft, node: Node) -> Value:
    """Convolution; of several groups, depthwise too."""
    only(node, "kernel_shape", "strides", "pads", "dilations", "group", "auto_pad")
    weights = _weights(draft, node, 4)
    kernel = _kernel(node, weights)
    bias = draft.constant(node, 2, np.zeros(1)).astype(np.float64)
    stride, dilation = pair_of(node, "strides", 1), pair_of(node, "dilations", 1)
    value = draft.value(node, 0)
    size = draft.shape(value)
    groups = whole_number(node.attributes.get("group", 1), 1, MOST_SIZE, "group")
    if len(size) == 1 and kernel == (1, 1) and groups == 1:  # a vector, taken for an image
        return _product(draft, node, value, weights.shaped(weights.codes.shape[:2]), bias)
    if len(size) != 3:
        raise NetworkFileError(f"takes an image, not {size}")
    padding = pads_of(node, (size[-2], size[-1]), spread(kernel, dilation), stride)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _product(draft, node, value, weights, bias, **geometry)


@handles("ConvTranspose")
def read_conv_transpose(draft: Draft, node: Node) -> Value:
    """A transposed convolution whose windows do not overlap: one of 1 x 1, and its pixels moved."""
    only(
        node,
        *("kernel_shape", "strides", "pads", "dilations", "group", "auto_pad"),
        *("output_padding", "output_shape"),
    )
    weights = _weights(draft, node, 4)
    kernel, attributes = _kernel(node, weights), node.attributes
    plain = attributes.get("group", 1) == 1 and pair_of(node, "dilations", 1) == (1, 1)
    plain = plain and not any(attributes.get("output_padding", [0]))
    plain = plain and not any(attributes.get("pads", [0])) and "output_shape" not in attributes
    if not plain or pair_of(node, "strides", 1) != kernel:
        raise NetworkFileError(
            "must have strides = kernel_shape, one group and no pads, so that no windows overlap"
        )
    bias = draft.constant(node, 2, np.zeros(1)).astype(np.float64)
    outputs, high, wide = weights.codes.shape[1:]
    size = high * wide
    first = weights.turned((1, 2, 3, 0)).repeated(size)
    bias = np.repeat(bias.reshape(-1), size) if bias.size == outputs else bias
    sums = _product(draft, node, draft.value(node, 0), first, bias)
    layer = DepthToSpace(f"{node.name}_moved", "", block=kernel)
    return replace(sums, after=(*sums.after, layer))


def _kernel(node: Node, weights: Weights) -> Pair:
    """Height and width of the weights' window."""
    kernel = weights.codes.shape[2:]
    if list(node.attributes.get("kernel_shape", kernel)) != list(kernel):
        raise NetworkFileError("has a kernel_shape that is not its weights'")
    return kernel[0], kernel[1]


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
    channels = draft.shape(sums)[0]
    if any(part.shape != (channels,) for part in parts):
        raise NetworkFileError(f"must have four constants of {channels} numbers")
    if channels * sums.repeats != len(sums.product.codes):
        raise NetworkFileError("comes after a Flatten of sums; put a Quant between them")
    parts = [np.repeat(part, sums.repeats) for part in parts]
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
    if rank == 4 and value.codes.ndim == 3 and draft.length:
        shape = value.codes.shape
        value = value.shaped((*shape[:2], 1, shape[2]))
    if value.codes.ndim != rank or value.codes.size == 0:
        raise NetworkFileError(f"must have weights of {rank} dimensions")
    return value


def _product(
    draft: Draft,
    node: Node,
    value: Value,
    weights: Weights,
    bias: Reals,
    **geometry: Any,
) -> Sums:
    """Sums of a layer named after `node`: a convolution of weights (O, I, KH, KW), or (O, I)."""
    unit, offset = weights.centred(0)
    name, outputs = draft.unique(node.name), len(weights.codes)
    layer: Product = Linear(name, "", offset=offset)
    if weights.codes.ndim == 4:
        layer = Conv2d(name, "", offset=offset, **geometry)
    if bias.size not in (1, outputs):
        raise NetworkFileError(f"has {bias.size} biases for {outputs} channels")
    product = AffineProduct(
        layer=layer,
        codes=np.ascontiguousarray(weights.codes),
        source=Stream("", 8),
        unit=unit,
        offset=np.broadcast_to(bias.reshape(-1), (outputs,)),
        width=weights.width,
    )
    product = _of_mean(draft, value, product) or _of_codes(draft, value, product)
    layer, source = product.layer, product.source
    draft.codes[f"{name}.codes"] = product.codes
    draft.shapes[name] = output_shape(layer, draft.shapes[source.layer], draft.codes)
    if weights.truncated:
        draft.truncated[name] = weights.width
    return Sums(product)


def _of_mean(draft: Draft, value: Value, product: AffineProduct) -> AffineProduct | None:
    """`product` of all pixels of a mean; None if it is of no mean, or has no such form."""
    return over_windows(draft, value, product) if isinstance(value, Mean) else None


def _of_codes(draft: Draft, value: Value, product: AffineProduct) -> AffineProduct:
    """`product` of codes; a convolution takes over a Pad before it."""
    layer = product.layer
    padding: Padding = layer.padding if isinstance(layer, Conv2d) else (0, 0)
    bare = replace(value, padding=(0, 0)) if isinstance(value, Activations) else value
    source = plain_stream(draft, bare)
    pad_code: float = source.zero if any(padding) else 0
    if isinstance(value, Activations) and any(value.padding):
        if any(padding) and value.pad_code != source.zero:
            raise NetworkFileError("has pads of its own after a Pad with another value")
        padding, pad_code = joined(value.padding, padding), value.pad_code
    if any(padding) and pad_code != int(pad_code):
        raise NetworkFileError("pads with 0, which no code of its input stands for")
    layer = replace(layer, input=source.layer)
    if isinstance(layer, Conv2d):
        layer = replace(layer, padding=padding, pad_code=int(pad_code))
    return replace(product, layer=layer, source=source)
