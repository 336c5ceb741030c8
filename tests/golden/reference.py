"""The network's arithmetic as docs/reference/numerics.md says it, in int64 and plain loops.

It takes nothing of golden but the classes of layers: widths, offsets, windows and rounding are
worked out here anew, so that what golden gets wrong is not wrong here too.
"""

import numpy as np

from truncmac.golden import AvgPool, Conv2d, Flatten, Linear, MaxPool, Product, Shortcut


def plain_weights(codes, bits, offset):
    """W = 2 ck - z: the top `bits` of 8, and z = 2**k, one less where bipolar."""
    kept = np.asarray(codes, np.int64) // 2 ** (8 - bits)
    return 2 * kept - {"bipolar": 2**bits - 1, "twos_complement": 2**bits}[offset]


def plain_sums(layer, codes, inputs, bits):
    """S, int64 (M, N), of a layer's codes as its tensor has them; M runs over (image, y, x)."""
    weights = plain_weights(codes, bits, layer.offset).reshape(len(codes), -1)
    if not isinstance(layer, Conv2d):
        return inputs.astype(np.int64) @ weights.T
    windows = _windows(inputs, codes.shape[2:], layer.stride, layer.padding, layer.pad_code)
    rows = np.stack([window.reshape(len(inputs), -1) for window in windows], axis=1)
    return rows.reshape(-1, weights.shape[1]) @ weights.T


def plain_outputs(network, images, bits):
    """Output of each layer by name, at one k for the network."""
    values = {"image": images}
    for layer in network.layers:
        inputs = values[layer.input]
        if isinstance(layer, Product):
            output = _product(network, layer, values, bits)
        elif isinstance(layer, Flatten):
            output = np.stack([image.ravel() for image in inputs])
        elif isinstance(layer, Shortcut):
            kept = inputs[:, :, :: layer.stride[0], :: layer.stride[1]]
            more = ((0, 0), (0, layer.channels - inputs.shape[1]), (0, 0), (0, 0))
            output = np.pad(kept, more)
        else:
            output = _pool(layer, inputs)
        values[layer.name] = output
    return values


def _product(network, layer, values, bits):
    def tensor(name):
        return network.tensors[f"{layer.name}.b{bits}.{name}"]

    codes, inputs = network.tensors[f"{layer.name}.codes"], values[layer.input]
    sums = plain_sums(layer, codes, inputs, layer.bits or bits)
    outputs = tensor("multiplier") * sums + tensor("bias")
    if layer.residual is not None:
        residual = values[layer.residual].astype(np.int64)
        if residual.ndim == 4:
            residual = np.moveaxis(residual, 1, 3).reshape(len(outputs), -1)
        outputs = outputs + tensor("residual_multiplier") * residual
    if layer.out_bits is not None:
        floors = outputs // 2 ** tensor("shift").astype(object)
        outputs = np.minimum(np.maximum(floors, 0), 2**layer.out_bits - 1).astype(np.uint8)
    if isinstance(layer, Linear):
        return outputs
    height, width = _size(inputs, codes.shape[2:], layer.stride, layer.padding)
    return np.moveaxis(outputs.reshape(len(inputs), height, width, -1), 3, 1)


def _pool(layer, inputs):
    kernel = layer.kernel or inputs.shape[2:]
    stride = layer.stride or kernel
    padding = layer.padding if isinstance(layer, MaxPool) else (0, 0)
    outputs = []
    for window in _windows(inputs, kernel, stride, padding, 0):
        window = window.reshape(*inputs.shape[:2], -1).astype(np.int64)
        if isinstance(layer, AvgPool):
            count = window.shape[2]
            outputs.append((2 * window.sum(2) + count) // (2 * count))  # half up
        else:
            outputs.append(window.max(2))
    size = _size(inputs, kernel, stride, padding)
    return np.stack(outputs, 2).reshape(*inputs.shape[:2], *size).astype(np.uint8)


def _size(inputs, kernel, stride, padding):
    """Height and width: a window starts at each step where the whole of it fits."""
    return tuple(
        len(range(0, side + 2 * more - window + 1, step))
        for side, window, step, more in zip(inputs.shape[2:], kernel, stride, padding, strict=True)
    )


def _windows(inputs, kernel, stride, padding, code):
    """Windows (B, C, KH, KW) of codes, one output after the other, row by row."""
    top, left = padding
    around = ((0, 0), (0, 0), (top, top), (left, left))
    padded = np.pad(inputs, around, constant_values=code)
    for y in range(0, padded.shape[2] - kernel[0] + 1, stride[0]):
        for x in range(0, padded.shape[3] - kernel[1] + 1, stride[1]):
            yield padded[:, :, y : y + kernel[0], x : x + kernel[1]].astype(np.int64)
