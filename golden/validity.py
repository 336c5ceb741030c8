"""What must hold in a network that a file describes: its graph, its tensors, their ranges.

All checks raise NetworkFileError with a message that names the layer or the tensor.
"""

import math
from collections.abc import Set

import numpy as np

from .checks import expect
from .errors import NetworkFileError
from .network import IMAGE, AvgPool, CodeLayer, Conv2d, Layer, Network, Product, shapes
from .requantise import largest_value
from .types import Tensors

__all__ = ["check_graph", "check_names", "checked"]

MOST_CODES = 1 << 26  # of one image, between any two layers
MOST_WEIGHTS = 1 << 28  # of a layer, with one for each of the pixels that share it


def checked(network: Network) -> Network:
    """The network, if its tensors are what its layers need; raises ValueError if not."""
    _check_tensors(network)
    for name, shape in shapes(network).items():
        expect(
            math.prod(shape) <= MOST_CODES,
            f"{name!r} has {math.prod(shape)} codes; the most for an image is {MOST_CODES}",
        )
    _check_ranges(network)
    _check_pools(network)
    expect(bool(network.products), "layers must hold one of weights, conv2d or linear")
    return network


def check_graph(network: Network) -> None:
    """Check that layers read only what runs before them, so that there are no cycles."""
    seen: dict[str, Layer | None] = {IMAGE: None}
    for layer in network.layers:
        expect(layer.name not in seen, f"layer {layer.name!r} is named twice")
        for source in layer.sources:
            expect(
                source in seen, f"layer {layer.name!r} reads {source!r}, which is no earlier layer"
            )
            before = seen[source]
            expect(
                not (isinstance(before, Product) and before.out_bits is None),
                f"layer {layer.name!r} reads {source!r}, which gives logits, not codes",
            )
        seen[layer.name] = layer


def _parameters(layer: Product) -> list[str]:
    names = ["multiplier", "bias"]
    names += ["shift"] if layer.out_bits is not None else []
    return names + (["residual_multiplier"] if layer.residual is not None else [])


def check_names(network: Network, names: Set[str]) -> None:
    """Check that each tensor that a layer needs is there, and no other."""
    wanted, known = [], set()
    for layer in network.products:
        wanted.append(f"{layer.name}.codes")
        for bits in network.bit_widths:
            wanted += [f"{layer.name}.b{bits}.{name}" for name in _parameters(layer)]
            known.add(f"{layer.name}.b{bits}.exact")
    for coder in network.layers:
        if isinstance(coder, CodeLayer):
            wanted += [f"{coder.name}.{name}" for name in coder.tensor_names]
    for name in wanted:
        expect(name in names, f"tensor {name!r} is missing")
    extra = sorted(names - known - set(wanted))
    expect(not extra, f"tensors {extra[:3]} belong to no layer")


def _check_tensors(network: Network) -> None:
    """Check that each tensor has its type and shape."""
    for coder in network.layers:
        if isinstance(coder, CodeLayer):
            try:
                coder.check(network.tensors)
            except ValueError as error:
                raise NetworkFileError(str(error)) from None
    for layer in network.products:
        codes = network.tensors[f"{layer.name}.codes"]
        rank = 4 if isinstance(layer, Conv2d) else 2
        expect(
            codes.dtype == np.uint8 and codes.ndim == rank and codes.size > 0,
            f"tensor '{layer.name}.codes' must be uint8 with {rank} dimensions, "
            f"not {codes.dtype} with shape {codes.shape}",
        )
        for bits in network.bit_widths:
            _check_certificate(network.tensors, f"{layer.name}.b{bits}.exact", len(codes))
            for name in _parameters(layer):
                key = f"{layer.name}.b{bits}.{name}"
                array = network.tensors[key]
                expect(
                    array.dtype == np.int64 and array.shape == (len(codes),),
                    f"tensor {key!r} must be int64 with shape ({len(codes)},), "
                    f"not {array.dtype} with shape {array.shape}",
                )


def _check_certificate(tensors: Tensors, key: str, size: int) -> None:
    array = tensors.get(key)
    if array is not None:
        valid = array.dtype == np.uint8 and array.shape == (size,) and {0, 1} >= {*array.tolist()}
        expect(valid, f"tensor {key!r} must be uint8 with shape ({size},), each 0 or 1")


def _check_ranges(network: Network) -> None:
    """Check that no requantisation can overflow 64 bits, whatever the codes are."""
    for layer in network.products:
        count = network.reduction(layer) * len(network.tensors[f"{layer.name}.codes"])
        expect(
            count <= MOST_WEIGHTS,
            f"layer {layer.name!r} has {count} weights, counted for each pixel; at most "
            f"{MOST_WEIGHTS}",
        )
        reach = 510 if isinstance(layer.offset, int) else 256  # of W
        largest = network.reduction(layer) * reach * 255
        for bits in network.bit_widths:
            prefix = f"{layer.name}.b{bits}"
            arrays = {
                name: network.tensors[f"{prefix}.{name}"].tolist() for name in _parameters(layer)
            }
            shifts = arrays.get("shift", [0])
            expect(
                min(shifts) >= 0 and max(shifts) <= 63,
                f"tensor '{prefix}.shift' must be in 0..63, not {min(shifts)}..{max(shifts)}",
            )
            bound = max(map(abs, arrays["multiplier"])) * largest + max(map(abs, arrays["bias"]))
            bound += max(map(abs, arrays.get("residual_multiplier", [0]))) * 255
            expect(bound < 1 << 63, f"layer {layer.name!r} can overflow 64 bits at k = {bits}")


def _check_pools(network: Network) -> None:
    """As for layers of weights: a window has at most so many codes as its image."""
    sizes = shapes(network)
    for layer in network.layers:
        if not isinstance(layer, AvgPool) or (params := layer.requant) is None:
            continue
        kernel = layer.kernel or sizes[layer.input][1:]
        bound = largest_value(params, math.prod(kernel) * 255)
        expect(bound < 1 << 63, f"layer {layer.name!r} can overflow 64 bits")
