"""Runs an exported network in integers: the reference that hardware and models are held to."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from truncmac.integers import ceil_div

from .gemm import Gemm
from .layers import avg_pool, im2col, max_pool, pool_sums, shortcut
from .network import (
    IMAGE,
    AvgPool,
    CodeLayer,
    Conv2d,
    Flatten,
    Layer,
    MaxPool,
    Network,
    Product,
    Shortcut,
    code_bits,
    shapes,
)
from .product import PreparedProduct, prepare, requantisation
from .quantise import check_bits, weight_offset
from .requantise import requantise
from .threads import ForEach, in_turn, workers
from .types import AnyIntegers, BitWidths, Codes, Integers

__all__ = ["BitWidths", "Execution", "Executor", "execute", "layer_bits"]

BLOCK = 1 << 19  # codes of the largest layer that run through the network together


@dataclass(frozen=True)
class Execution:
    """What a network made of a batch of B images.

    Attributes
    ----------
    logits : int64 array (B, ...), the last layer's outputs; codes if the network ends in codes
    outputs : by layer name, uint8 arrays (B, ...) of codes, or int64 arrays of logits
    """

    logits: Integers
    outputs: Mapping[str, AnyIntegers]


class Executor:
    """A network that is prepared once for its bit-widths, and can then be run many times.

    Images run in blocks, each block through all layers, on as many threads as BLAS has. If there
    are fewer blocks than threads, the threads share the parts of each layer. Outputs that are not
    to be kept are dropped as soon as no layer needs them.

    Parameters
    ----------
    network : what to run
    bits : the network's k; or k by layer name, for each layer without a k of its own

    Raises
    ------
    ValueError
        If the network's layers do not fit each other, or it has no parameters for a bit-width.
    """

    def __init__(self, network: Network, bits: BitWidths) -> None:
        self.network = network
        self.widths = layer_bits(network, bits)
        self.shapes = shapes(network)  # raises where layers do not fit each other
        codes = code_bits(network)
        self._products = {
            layer.name: prepare(
                network,
                layer,
                *self.widths[layer.name],
                width=row_width(self.shapes[layer.name]),
                largest=(1 << codes[layer.input]) - 1,
            )
            for layer in network.products
        }
        self._last_use = _last_use(network)

    def run(self, images: Codes, *, keep: Collection[str] | None = None) -> Execution:
        """Run images through the network.

        Parameters
        ----------
        images : uint8 array (B, C, H, W) of codes in 0..2**image.bits - 1, at least one image
        keep : names of the layers whose outputs are wanted; None: all of them

        Raises
        ------
        ValueError
            If the images do not fit the network, or a name is no layer's.
        """
        check_images(self.network, images)
        names = [layer.name for layer in self.network.layers]
        unknown = sorted(set(keep or ()) - set(names))
        if unknown:
            raise ValueError(f"Layers to keep must be the network's, not {unknown[0]!r}")
        last = names[-1]
        kept = [name for name in names if keep is None or name in keep or name == last]
        outputs = {name: self._empty(name, len(images)) for name in kept}

        def run_block(part: slice, for_each: ForEach = in_turn) -> None:
            for name, values in self._block(images[part], outputs.keys(), for_each):
                outputs[name][part] = values

        with workers() as team:
            blocks = self._blocks(len(images), team.threads)
            if len(blocks) >= team.threads:
                team.for_each(run_block, blocks)
            else:
                for part in blocks:
                    run_block(part, team.for_each)
        logits = outputs[last].astype(np.int64)
        return Execution(
            logits, {name: outputs[name] for name in kept if keep is None or name in keep}
        )

    def _blocks(self, count: int, threads: int) -> list[slice]:
        """`count` images in blocks that fit the cache; where possible one for each thread."""
        largest = max(int(np.prod(shape)) for shape in self.shapes.values())
        size = min(max(1, BLOCK // largest), ceil_div(count, threads))
        return [slice(start, start + size) for start in range(0, count, size)]

    def _empty(self, name: str, count: int) -> AnyIntegers:
        """Room for a layer's outputs, with channels last in memory."""
        shape = self.shapes[name]
        product = self._products.get(name)
        logits = product is not None and product.params is None
        kind = np.int64 if logits else np.uint8
        if len(shape) < 3:
            return np.empty((count, *shape), kind)
        return np.empty((count, *shape[1:], shape[0]), kind).transpose(0, 3, 1, 2)

    def _block(
        self, images: Codes, kept: Collection[str], for_each: ForEach
    ) -> Iterator[tuple[str, AnyIntegers]]:
        """The outputs of the layers in `kept` for some images, as they come.

        Each layer's output is dropped after its last use.
        """
        values: dict[str, AnyIntegers] = {IMAGE: images}
        for index, layer in enumerate(self.network.layers):
            product = self._products.get(layer.name)
            values[layer.name] = run_layer(self.network, layer, values, product, for_each)
            if layer.name in kept:
                yield layer.name, values[layer.name]
            for name in self._last_use[index]:
                del values[name]


def execute(
    network: Network,
    images: Codes,
    bits: BitWidths,
    *,
    keep: Collection[str] | None = None,
    on_gemm: Callable[[Gemm], None] | None = None,
) -> Execution:
    """Run a network once; see `Executor`, which can run it many times.

    Parameters
    ----------
    images : uint8 array (B, C, H, W), codes
    bits : the network's k; or k by layer name, for each layer without a k of its own
    keep : names of the layers whose outputs are wanted; None: all of them
    on_gemm : called with each layer's matrix product, in order; all outputs are kept then. Of a
        convolution of several groups it is called with the product of each

    Raises
    ------
    ValueError
        If the images do not fit the network, or it has no parameters for a bit-width.
    """
    check_images(network, images)
    executor = Executor(network, bits)
    execution = executor.run(images, keep=None if on_gemm else keep)
    if on_gemm:
        values = {IMAGE: images, **execution.outputs}
        for layer in network.products:
            for gemm in layer_gemms(network, layer, values, *executor.widths[layer.name]):
                on_gemm(gemm)
    return execution


def run_layer(
    network: Network,
    layer: Layer,
    values: Mapping[str, AnyIntegers],
    product: PreparedProduct | None = None,
    for_each: ForEach = in_turn,
) -> AnyIntegers:
    """The output (B, ...) of one layer.

    Parameters
    ----------
    values : the image and the outputs of earlier layers, by name
    product : the layer prepared, if it has weights
    for_each : calls a function for each of the parts that the layer is cut into
    """
    codes = values[layer.input].astype(np.uint8, copy=False)
    if isinstance(layer, CodeLayer):
        given = [values[name].astype(np.uint8, copy=False) for name in layer.sources]
        return layer.run(given, network.tensors)
    if product is None:
        return _pool(layer, codes)
    residual = product.sums.layer.residual
    added = None if residual is None else values[residual].astype(np.uint8, copy=False)
    return product.outputs(codes, added, for_each)


def row_width(shape: tuple[int, ...]) -> int:
    """The pixels in a row of an output (C, H, W); 1 for a vector (K,)."""
    return shape[2] if len(shape) == 3 else 1


def _last_use(network: Network) -> list[list[str]]:
    """For each layer, the names of the outputs that no later layer reads."""
    last: dict[str, int] = {}
    for index, layer in enumerate(network.layers):
        last |= dict.fromkeys((*layer.sources, layer.name), index)
    names: list[list[str]] = [[] for _ in network.layers]
    for name, index in last.items():
        names[index].append(name)
    return names


def layer_bits(network: Network, bits: BitWidths) -> dict[str, tuple[int, int]]:
    """For each layer of weights, by name, k of its weights and k of its parameter set.

    If the network runs at one k, all layers use the parameters of that k, also layers whose
    weights have a k of their own. If k is given by layer, layers with a k of their own use the
    parameters of the largest k.

    Raises
    ------
    ValueError
        If there are no parameters for a k, or k is not given for exactly those layers that have
        none of their own.
    """
    products = network.products
    if not isinstance(bits, Mapping):
        _check_width(network, bits, "The network")
        return {layer.name: (layer.bits or bits, bits) for layer in products}
    following = [layer.name for layer in products if layer.bits is None]
    if set(bits) != set(following):
        raise ValueError(
            "Bit-widths must be given for the layers without a k of their own, "
            f"{', '.join(following)}, not for {', '.join(bits) or 'none'}"
        )
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


def check_images(network: Network, images: Codes) -> None:
    """Check that images are what the network takes; raise ValueError if they are not."""
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


def layer_gemms(
    network: Network,
    layer: Product,
    values: Mapping[str, AnyIntegers],
    bits: int,
    parameters: int,
) -> Iterator[Gemm]:
    """The matrix product of a layer of weights, as the array runs it: one for each group.

    Parameters
    ----------
    values : the image and the outputs of earlier layers, by name
    bits, parameters : k of the weights, and k of the parameter set; see `layer_bits`
    """
    codes = values[layer.input].astype(np.uint8, copy=False)
    if isinstance(layer, Conv2d):
        kernel = network.tensors[f"{layer.name}.codes"].shape[2:]
        window = (kernel[0], kernel[1])
        activations = im2col(
            codes, window, layer.stride, layer.padding, layer.pad_code, layer.dilation
        )
    else:
        activations = codes.reshape(len(codes), -1)
    weights, requant = network.codes(layer), requantisation(network, layer, parameters)
    residual = None if layer.residual is None else _rows(values[layer.residual])
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    reduction, columns = weights.shape[0], weights.shape[1] // groups
    for group in range(groups):
        own = slice(group * columns, (group + 1) * columns)
        yield Gemm(
            name=layer.name,
            activations=activations[:, group * reduction : (group + 1) * reduction],
            codes=weights[:, own],
            bits=bits,
            offset=weight_offset(bits, layer.offset),
            requant=None if requant is None else requant.part(own),
            residual=None if residual is None else residual[:, own],
            first=own.start,
        )


def _rows(codes: AnyIntegers) -> Codes:
    """Codes (B, C, H, W) or (B, C) as the rows of a product, (M, N)."""
    if codes.ndim == 4:
        codes = codes.transpose(0, 2, 3, 1).reshape(-1, codes.shape[1])
    return codes.astype(np.uint8, copy=False)


def _pool(layer: Layer, codes: Codes) -> Codes:
    if isinstance(layer, MaxPool):
        return max_pool(codes, layer.kernel, layer.stride, layer.padding)
    if isinstance(layer, AvgPool):
        params = layer.requant
        if params is None:
            return avg_pool(codes, layer.kernel, layer.stride)
        return requantise(pool_sums(codes, layer.kernel, layer.stride)[..., None], params)[..., 0]
    if isinstance(layer, Shortcut):
        return shortcut(codes, layer.channels, layer.stride)
    if isinstance(layer, Flatten):
        return codes.reshape(len(codes), -1)
    raise TypeError(f"Layer {layer.name!r} must be one of the known kinds, not {type(layer)}")
