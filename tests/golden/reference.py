"""The network's arithmetic as plainly as NumPy says it: int64, whole layers, nothing clever."""

import numpy as np

from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    Linear,
    MaxPool,
    Product,
    Shortcut,
    im2col,
    integer_weights,
    layer_bits,
    requantise,
    shapes,
)
from truncmac.golden.product import requantisation


def plain_sums(layer, codes, inputs, bits):
    """S, int64 (M, N), of a layer's codes as its tensor has them."""
    weights = integer_weights(codes.reshape(len(codes), -1).T, bits, layer.offset)
    if isinstance(layer, Conv2d):
        kernel = codes.shape[2:]
        inputs = im2col(inputs, kernel, layer.stride, layer.padding, layer.pad_code)
    return inputs.astype(np.int64) @ weights.astype(np.int64)


def plain_outputs(network, images, bits):
    """Output of each layer by name."""
    values = {"image": images}
    sizes, widths = shapes(network), layer_bits(network, bits)
    for layer in network.layers:
        inputs = values[layer.input]
        if isinstance(layer, Product):
            output = _product(network, layer, values, *widths[layer.name])
        elif isinstance(layer, Flatten):
            output = inputs.reshape(len(inputs), -1)
        elif isinstance(layer, Shortcut):
            output = np.zeros((len(inputs), *sizes[layer.name]), np.uint8)
            output[:, : inputs.shape[1]] = inputs[:, :, :: layer.stride[0], :: layer.stride[1]]
        else:
            output = _pool(layer, inputs, sizes[layer.name])
        values[layer.name] = output
    return values


def _product(network, layer, values, bits, parameters):
    sums = plain_sums(layer, network.tensors[f"{layer.name}.codes"], values[layer.input], bits)
    residual = None
    if layer.residual is not None:
        residual = _rows(values[layer.residual])
    params = requantisation(network, layer, parameters)
    if params is None:
        multiplier, bias = (
            network.tensors[f"{layer.name}.b{parameters}.{name}"] for name in ("multiplier", "bias")
        )
        outputs = sums * multiplier + bias
        if residual is not None:
            extra = network.tensors[f"{layer.name}.b{parameters}.residual_multiplier"]
            outputs = outputs + extra * residual.astype(np.int64)
    else:
        outputs = requantise(sums, params, residual)
    if isinstance(layer, Linear):
        return outputs
    channels, height, width = shapes(network)[layer.name]
    return outputs.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)


def _rows(codes):
    return codes if codes.ndim == 2 else codes.transpose(0, 2, 3, 1).reshape(-1, codes.shape[1])


def _pool(layer, inputs, size):
    output = np.zeros((len(inputs), *size), np.uint8)
    top, left = layer.padding if isinstance(layer, MaxPool) else (0, 0)
    kernel = layer.kernel or inputs.shape[2:]
    stride = layer.stride or kernel
    padded = np.pad(inputs, ((0, 0), (0, 0), (top, top), (left, left)))
    for y in range(size[1]):
        for x in range(size[2]):
            rows = slice(y * stride[0], y * stride[0] + kernel[0])
            columns = slice(x * stride[1], x * stride[1] + kernel[1])
            window = padded[:, :, rows, columns].reshape(len(inputs), inputs.shape[1], -1)
            if isinstance(layer, AvgPool):
                count = window.shape[2]
                output[:, :, y, x] = (2 * window.sum(2, dtype=int) + count) // (2 * count)
            else:
                output[:, :, y, x] = window.max(2)
    return output
