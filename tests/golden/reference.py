"""The network's arithmetic as docs/reference/numerics.md says it, in int64 and plain loops.

It takes nothing of golden but the classes of layers: widths, offsets, windows and rounding are
worked out here anew, so that what golden gets wrong is not wrong here too.
"""

import numpy as np

from truncmac.golden import (
    AvgPool,
    Concat,
    Conv2d,
    DepthToSpace,
    Flatten,
    Linear,
    Lookup,
    MaxPool,
    Product,
    Scale,
    Shortcut,
    Upsample,
)


def plain_weights(codes, bits, offset):
    """W = 2 ck - z: the top `bits` of 8, and z = 2**k, one less where bipolar."""
    kept = np.asarray(codes, np.int64) // 2 ** (8 - bits)
    return 2 * kept - {"bipolar": 2**bits - 1, "twos_complement": 2**bits}[offset]


def plain_sums(layer, codes, inputs, bits):
    """S, int64 (M, N), of a layer's codes as its tensor has them; M runs over (image, y, x)."""
    weights = plain_weights(codes, bits, layer.offset).reshape(len(codes), -1)
    if not isinstance(layer, Conv2d):
        return inputs.astype(np.int64) @ weights.T
    windows = list(
        _windows(
            inputs, codes.shape[2:], layer.stride, layer.padding, layer.pad_code, layer.dilation
        )
    )
    size, each = inputs.shape[1] // layer.groups, len(codes) // layer.groups
    sums = []
    for group in range(layer.groups):
        rows = [w[:, group * size : (group + 1) * size].reshape(len(inputs), -1) for w in windows]
        own = weights[group * each : (group + 1) * each]
        sums.append(np.stack(rows, axis=1).reshape(-1, own.shape[1]) @ own.T)
    return np.concatenate(sums, axis=1)


def plain_outputs(network, images, bits):
    """Output of each layer by name, at one k for the network."""
    values = {"image": images}
    for layer in network.layers:
        inputs = values[layer.input]
        if isinstance(layer, Product):
            output = _product(network, layer, values, bits)
        elif isinstance(layer, Flatten):
            output = np.stack([image.ravel() for image in inputs])
        elif isinstance(layer, Lookup | Concat | Upsample | DepthToSpace | Scale):
            output = _coded(network, layer, [values[name] for name in layer.sources])
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
    height, width = _size(inputs, codes.shape[2:], layer.stride, layer.padding, layer.dilation)
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


def _coded(network, layer, given):
    """What the layers of `coders` make of codes (B, C, H, W)."""
    first = given[0].astype(np.int64)
    output = np.zeros((len(first), *_coded_shape(layer, [codes.shape[1:] for codes in given])), int)
    for place in np.ndindex(output.shape):
        image, c, y, x = place
        if isinstance(layer, Lookup):
            table = network.tensors[f"{layer.name}.table"]
            output[place] = (table if table.ndim == 1 else table[c])[first[place]]
        elif isinstance(layer, Upsample):
            output[place] = first[image, c, y // layer.factor[0], x // layer.factor[1]]
        elif isinstance(layer, DepthToSpace):
            (down, y_in), (right, x_in) = divmod(y, layer.block[0]), divmod(x, layer.block[1])
            channel = (c * layer.block[0] + y_in) * layer.block[1] + x_in
            output[place] = first[image, channel, down, right]
        elif isinstance(layer, Scale):
            b = given[1].reshape(*given[1].shape[:2], -1)
            factor = int(b[image, c, (y * first.shape[3] + x) % b.shape[2]]) - layer.by_zero
            m, bias, s = (
                int(network.tensors[f"{layer.name}.{name}"][0])
                for name in ("multiplier", "bias", "shift")
            )
            value = (m * (int(first[place]) - layer.zero) * factor + bias) // 2**s
            output[place] = min(max(value, 0), 2**layer.out_bits - 1)
        else:
            for codes in given:
                if c < codes.shape[1]:
                    output[place] = codes[image, c, y, x]
                    break
                c -= codes.shape[1]
    return output.astype(np.uint8)


def _coded_shape(layer, shapes):
    channels, height, width = shapes[0]
    if isinstance(layer, Concat):
        return sum(shape[0] for shape in shapes), height, width
    if isinstance(layer, Upsample):
        return channels, height * layer.factor[0], width * layer.factor[1]
    if isinstance(layer, DepthToSpace):
        high, wide = layer.block
        return channels // (high * wide), height * high, width * wide
    return shapes[0]


def _size(inputs, kernel, stride, padding, dilation=(1, 1)):
    """Height and width: a window starts at each step where the whole of it fits."""
    more = [padding[i] + padding[i + len(padding) - 2] for i in (0, 1)]
    return tuple(
        len(range(0, side + around - (window - 1) * apart, step))
        for side, window, step, around, apart in zip(
            inputs.shape[2:], kernel, stride, more, dilation, strict=True
        )
    )


def _windows(inputs, kernel, stride, padding, code, dilation=(1, 1)):
    """Windows (B, C, KH, KW) of codes, one output after the other, row by row."""
    around = ((0, 0), (0, 0), *((padding[i], padding[i + len(padding) - 2]) for i in (0, 1)))
    padded = np.pad(inputs, around, constant_values=code)
    high, wide = _size(padded, kernel, stride, (0, 0), dilation)
    for y in range(0, high * stride[0], stride[0]):
        for x in range(0, wide * stride[1], stride[1]):
            rows = y + np.arange(kernel[0]) * dilation[0]
            columns = x + np.arange(kernel[1]) * dilation[1]
            yield padded[:, :, rows[:, None], columns].astype(np.int64)
