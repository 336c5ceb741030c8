"""Runs an exported network in integers: the reference for hardware and models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .gemm import Gemm
from .layers import avg_pool, im2col, max_pool, output_size, shortcut
from .network import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    Layer,
    MaxPool,
    Network,
    Product,
    Shortcut,
    shapes,
)
from .quantise import Codes, check_bits, weight_offset
from .requantise import Requantisation

__all__ = ["Execution", "accuracy", "execute", "layer_bits", "predictions", "run_layer"]

BitWidths = int | Mapping[str, int]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Execution:
    """What a network made of a batch of images.

    Attributes
    ----------
    logits : int64 array (B, ...), the last layer's outputs
    outputs : by layer name, uint8 codes (B, ...), or int64 for logits
    """

    logits: Integers
    outputs: Mapping[str, npt.NDArray[np.integer]]


def execute(
    network: Network,
    images: Codes,
    bits: BitWidths,
    *,
    on_gemm: Callable[[Gemm], None] = lambda gemm: None,
) -> Execution:
    """Run `network` on codes of images.

    Parameters
    ----------
    images : uint8 array (B, C, H, W) of codes in 0..2**image.bits - 1
    bits : the network's k; or k by layer name, for each layer that has none of its own
    on_gemm : called with each layer's matrix product, in order

    Raises
    ------
    ValueError
        If the images do not fit the network, or it has no parameters for a bit-width.
    """
    _check_images(network, images)
    widths = layer_bits(network, bits)
    shapes(network)  # raises where layers do not fit each other
    values: dict[str, npt.NDArray[np.integer]] = {IMAGE: images}
    for layer in network.layers:
        k = widths.get(layer.name, (0, 0))
        values[layer.name] = _run(network, layer, values, *k, on_gemm)
    logits = values[network.layers[-1].name].astype(np.int64)
    return Execution(logits, {name: value for name, value in values.items() if name != IMAGE})


def run_layer(
    network: Network,
    layer: Layer,
    values: Mapping[str, npt.NDArray[np.integer]],
    bits: int,
    on_gemm: Callable[[Gemm], None] = lambda gemm: None,
) -> npt.NDArray[np.integer]:
    """Output (B, ...) of one layer, of the outputs by name of those before it, at one k."""
    own = layer.bits if isinstance(layer, Product) else None
    return _run(network, layer, values, own or bits, bits, on_gemm)


def predictions(logits: Integers) -> npt.NDArray[np.intp]:
    """Class of each image: the largest logit, the first of equals."""
    return logits.reshape(len(logits), -1).argmax(axis=1)


def accuracy(logits: Integers, labels: npt.NDArray[np.integer]) -> float:
    """Share of images whose largest logit is that of their label."""
    return float((predictions(logits) == labels).mean())


def layer_bits(network: Network, bits: BitWidths) -> dict[str, tuple[int, int]]:
    """(k of the weights, k of the parameter set) of each layer of weights, by name.

    At one k for the network all layers use its parameters, also those with a k of their own.
    With a k for each layer, these use the parameters of the largest k.
    """
    products = network.products
    if not isinstance(bits, Mapping):
        _check_width(network, bits, "The network")
        return {layer.name: (layer.bits or bits, bits) for layer in products}
    following = {layer.name for layer in products if layer.bits is None}
    if set(bits) != following:
        names = sorted(set(bits) ^ following)
        raise ValueError(f"Bit-widths must be given for each layer that follows, see {names}")
    for name, k in bits.items():
        _check_width(network, k, f"Layer {name!r}")
    largest = max(network.bit_widths)
    return {
        layer.name: (layer.bits, largest) if layer.bits else (bits[layer.name],) * 2
        for layer in products
    }


def _check_width(network: Network, bits: int, owner: str) -> None:
    check_bits(bits)
    if bits not in network.bit_widths:
        has = ", ".join(map(str, sorted(network.bit_widths)))
        raise ValueError(f"{owner} has no parameters for k = {bits}, only for {has}")


def _check_images(network: Network, images: Codes) -> None:
    image = network.image
    shape = (image.channels, image.height, image.width)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape:
        raise ValueError(
            f"Images must be uint8 with shape (B, {shape[0]}, {shape[1]}, {shape[2]}), "
            f"not {images.dtype} with shape {images.shape}"
        )
    if len(images) == 0:
        raise ValueError("Images must be at least one, not none")
    largest = int(images.max())
    if largest >= 1 << image.bits:
        raise ValueError(f"Image codes must be at most {(1 << image.bits) - 1}, not {largest}")


def _gemm(
    network: Network,
    layer: Product,
    values: Mapping[str, npt.NDArray[np.integer]],
    bits: int,
    parameters: int,
) -> Gemm:
    codes = values[layer.input].astype(np.uint8, copy=False)
    if isinstance(layer, Conv2d):
        kernel = network.tensors[f"{layer.name}.codes"].shape[2:]
        window = (kernel[0], kernel[1])
        activations = im2col(codes, window, layer.stride, layer.padding, layer.pad_code)
    else:
        activations = codes.reshape(len(codes), -1)
    residual = None if layer.residual is None else _rows(values[layer.residual])
    return Gemm(
        name=layer.name,
        activations=activations,
        codes=network.codes(layer),
        bits=bits,
        offset=weight_offset(bits, layer.offset),
        requant=requantisation(network, layer, parameters),
        residual=residual,
    )


def requantisation(network: Network, layer: Product, bits: int) -> Requantisation | None:
    """A layer's parameters at the network's `bits`; None for logits."""
    if layer.out_bits is None:
        return None

    def tensor(name: str) -> Integers:
        return network.tensors[f"{layer.name}.b{bits}.{name}"].astype(np.int64, copy=False)

    return Requantisation(
        multiplier=tensor("multiplier"),
        bias=tensor("bias"),
        shift=tensor("shift"),
        out_bits=layer.out_bits,
        residual_multiplier=tensor("residual_multiplier") if layer.residual else None,
    )


def _run(
    network: Network,
    layer: Layer,
    values: Mapping[str, npt.NDArray[np.integer]],
    bits: int,
    parameters: int,
    on_gemm: Callable[[Gemm], None],
) -> npt.NDArray[np.integer]:
    if not isinstance(layer, Product):
        return _pool(layer, values[layer.input].astype(np.uint8, copy=False))
    gemm = _gemm(network, layer, values, bits, parameters)
    on_gemm(gemm)
    outputs = gemm.outputs()
    if layer.out_bits is None:
        outputs = _logits(network, layer, gemm, outputs.astype(np.int64), parameters)
    if isinstance(layer, Conv2d):
        codes = values[layer.input]
        kernel = network.tensors[f"{layer.name}.codes"].shape[2:]
        size = (codes.shape[2], codes.shape[3])
        height, width = output_size(size, (kernel[0], kernel[1]), layer.stride, layer.padding)
        return outputs.reshape(len(codes), height, width, -1).transpose(0, 3, 1, 2)
    return outputs


def _logits(
    network: Network, layer: Product, gemm: Gemm, sums: Integers, parameters: int
) -> Integers:
    def tensor(name: str) -> Integers:
        return network.tensors[f"{layer.name}.b{parameters}.{name}"].astype(np.int64, copy=False)

    logits = sums * tensor("multiplier") + tensor("bias")
    if gemm.residual is not None:
        logits = logits + tensor("residual_multiplier") * gemm.residual
    return logits


def _rows(codes: npt.NDArray[np.integer]) -> Codes:
    """Codes (B, C, H, W) or (B, C) as the rows of a product, (M, N)."""
    if codes.ndim == 4:
        codes = codes.transpose(0, 2, 3, 1).reshape(-1, codes.shape[1])
    return codes.astype(np.uint8, copy=False)


def _pool(layer: Layer, codes: Codes) -> Codes:
    if isinstance(layer, MaxPool):
        return max_pool(codes, layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, AvgPool):
        return avg_pool(codes, layer.kernel, layer.stride)
    if isinstance(layer, Shortcut):
        return shortcut(codes, layer.channels, layer.stride)
    if isinstance(layer, Flatten):
        return codes.reshape(len(codes), -1)
    raise TypeError(f"Layer {layer.name!r} must be one of the known kinds, not {type(layer)}")
