"""Writes a network in ONNX's own integer operators, so that ONNX Runtime runs the same integers.

The graph holds the 8-bit codes. A shift keeps the top k bits of each, and the rest is what the
array does: D = ConvInteger or MatMulInteger of the codes, row sums Q, and requantisation in 64
bits. No operator rounds, so whoever runs the graph gets golden's outputs, bit for bit. Each
layer's output is the tensor of its name.
"""

from collections.abc import Collection
from typing import Any

import onnx

from truncmac.golden import Layer, Network, Setting, check_rounding

from .coders import WRITERS as CODERS
from .graph import PlainGraph
from .pools import WRITERS as POOLS
from .products import WRITERS as PRODUCTS

__all__ = ["plain_model"]

WRITERS: dict[type[Layer], Any] = {**PRODUCTS, **POOLS, **CODERS}


def plain_model(
    network: Network, setting: Setting, outputs: Collection[str] | None = None
) -> onnx.ModelProto:
    """The network at a setting in ONNX's own operators.

    The graph takes `image`, uint8 (images, C, H, W), codes, for any number of images. It gives
    codes as uint8 and logits as int64.

    Parameters
    ----------
    setting : the network's k, or k by layer name
    outputs : names of the layers whose outputs the graph gives; None: the last one

    Raises
    ------
    ValueError
        If there are no parameters for a k, an output is no layer's, there is no form for a kind
        of layer, a layer rounds halves to the even code, or its numbers could exceed 32 or 64
        bits: names it.
    """
    names = [layer.name for layer in network.layers]
    unknown = sorted(set(outputs or ()) - set(names))
    if unknown:
        raise ValueError(f"Outputs must be those of the network's layers, not {unknown[0]!r}")
    check_rounding(network)
    graph = PlainGraph(network, setting)
    for layer in network.layers:
        write = WRITERS.get(type(layer))
        if write is None:
            raise ValueError(
                f"Layer {layer.name!r} is a {type(layer).__name__}, for which there is no form in "
                "ONNX's own operators yet"
            )
        write(graph, layer)
    return graph.plain_model(names[-1:] if outputs is None else list(outputs))
