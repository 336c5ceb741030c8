"""Writes a network at one k as QONNX, so that other tools run the same integers.

Weights are their 8-bit codes, a `Quant`, and a `Trunc` that keeps k bits. Sums are float32 where
a bound proves them exact, in several parts where not; requantisation is float64, exact below
2**53. So whoever runs the graph gets golden's outputs, bit for bit. Each layer's output is the
tensor of its name.

Source: QONNX, arXiv 2206.07527.
"""

import onnx

from truncmac.golden import IMAGE, Network, Product, code_bits, layer_bits

from .coders import CODERS
from .graph import GraphWriter
from .image import write_image
from .pools import WRITERS
from .requantisation import write_outputs
from .sums import write_sums
from .weights import write_weights

__all__ = ["qonnx_model"]


def qonnx_model(network: Network, bits: int, batch: int = 1) -> onnx.ModelProto:
    """The network at `bits` as QONNX.

    The graph takes `image`, float32 (batch, C, H, W): the reals of the network's image coding, or
    codes where it has none. Its metadata say how pixels become these. It gives the last layer's
    outputs, logits as float64 and codes as float32, both whole numbers.

    Raises
    ------
    ValueError
        If there are no parameters for `bits`, or a layer's numbers are too large for floats to
        hold them exactly: names it.
    """
    widths = layer_bits(network, bits)
    graph, bits_of = GraphWriter(network, bits, batch), code_bits(network)
    writers = {**WRITERS, **CODERS}
    graph.values[IMAGE] = write_image(graph)
    for layer in network.layers:
        if isinstance(layer, Product):
            used, _ = widths[layer.name]
            weights = write_weights(graph, layer, used)
            sums = write_sums(graph, layer, used, weights)
            write_outputs(graph, layer, used, sums)
        else:
            graph.largest[layer.name] = (1 << bits_of[layer.name]) - 1
            writers[type(layer)](graph, layer)
        graph.values[layer.name] = layer.name
    return graph.model()
