"""What `truncmac inspect` shows of a network."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.table import Table

from truncmac.golden import (
    LayerInspection,
    Network,
    image_formula,
    inspect_network,
    network_by_name,
)
from truncmac.plots import new_figure, save_figure
from truncmac.terminal import Terminal, new_table

__all__ = ["inspect"]

BARS = " ▁▂▃▄▅▆▇█"
HISTOGRAM = 16  # bars of the codes' histogram
NARROW = (0, 1, 0, 0)  # padding of tables, so that a dozen columns take 80
console = Terminal()


def inspect(name: str, bits: Sequence[int], *, plot: Path | None, as_json: bool) -> None:
    """Print tables or JSON, and draw the planes."""
    network = network_by_name(name)
    layers = inspect_network(network)
    if as_json:
        print(json.dumps(as_dictionary(network, layers, bits), indent=2))
    else:
        console.print(_image(network))
        console.print(layer_table(network, layers, bits))
        console.print(plane_table(layers))
    if plot is not None:
        draw(network, layers, plot)
        if not as_json:
            console.print(f"Written: {plot}", soft_wrap=True)


def _image(network: Network) -> str:
    """What the network takes, and what it means."""
    image = network.image
    sizes = f"{image.channels} x {image.height} x {image.width}, codes of {image.bits} bits"
    return "\n  ".join((f"Image {sizes}:", *image_formula(image)))


def layer_table(network: Network, layers: Sequence[LayerInspection], bits: Sequence[int]) -> Table:
    """A line for each layer, and their sums."""
    words = ("layer", "weights", "output")
    table = new_table(
        [*words, "K", "kMACs", "k", *(f"kB {k}" for k in bits), "S", "exact"],
        words=words,
        title=f"Network {network.name}: layers of weights",
        padding=NARROW,
    )
    for layer in layers:
        table.add_row(
            layer.name,
            "x".join(map(str, layer.weights)),
            "x".join(map(str, layer.output)),
            f"{layer.reduction}",
            f"{layer.macs / 1000:,.0f}",
            "" if layer.bits is None else str(layer.bits),
            *(f"{layer.weight_bytes(k) / 1000:,.2f}" for k in bits),
            str(layer.sum_bits),
            "" if layer.exact is None else f"{min(layer.exact.values()):.0%}",
        )
    table.add_section()
    sums = [f"{sum(layer.weight_bytes(k) for layer in layers) / 1000:,.2f}" for k in bits]
    table.add_row(
        "all", "", "", "", f"{sum(layer.macs for layer in layers) / 1000:,.0f}", "", *sums
    )
    table.caption = (
        "k: the layer's own bit-width, if it has one. kB 8: size of its weights at k = 8. S: width "
        "of the accumulator at k = 8.\nexact: share of the channels whose codes are certified for "
        "every sum, at the worst k; empty if the exporter did not say"
    )
    return table


def plane_table(layers: Sequence[LayerInspection]) -> Table:
    """Bits of information that each plane adds to those above it, and a histogram of the codes."""
    last = "codes 0..255"
    table = new_table(
        ["layer", *(f"k={plane}" for plane in range(1, 9)), last],
        words=("layer", last),
        title="Information in each plane of the weights, MSB first",
        padding=NARROW,
    )
    table.columns[0].min_width = max(len(layer.name) for layer in layers)
    table.columns[-1].no_wrap, table.columns[-1].min_width = True, HISTOGRAM
    for layer in layers:
        counts = layer.histogram.reshape(HISTOGRAM, -1).sum(axis=1)
        cells = [f"{value:.2f}" for value in layer.planes]
        table.add_row(layer.name, *cells, _bars(counts / counts.max()))
    table.caption = (
        "A plane adds at most 1 bit; one that adds nearly none hardly earns its cycles and bytes.\n"
        f"codes: how often each group of {256 // HISTOGRAM} neighbouring 8-bit codes occurs"
    )
    return table


def _bars(shares: npt.NDArray[np.float64]) -> str:
    return "".join(BARS[round(8 * min(share, 1.0))] for share in shares.tolist())


def as_dictionary(
    network: Network, layers: Sequence[LayerInspection], bits: Sequence[int]
) -> dict[str, object]:
    """The tables' numbers, and the histograms."""
    return {
        "network": network.name,
        "bit_widths": list(network.bit_widths),
        "image": asdict(network.image) | {"formula": list(image_formula(network.image))},
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "weights": list(layer.weights),
                "output": list(layer.output),
                "reduction": layer.reduction,
                "columns": layer.columns,
                "macs": layer.macs,
                "bits": layer.bits,
                "weight_bytes": {str(k): layer.weight_bytes(k) for k in bits},
                "sum_bits": layer.sum_bits,
                "exact": layer.exact,
                "planes": layer.planes.tolist(),
                "histogram": layer.histogram.tolist(),
            }
            for layer in layers
        ],
    }


def draw(network: Network, layers: Sequence[LayerInspection], path: Path) -> None:
    """Draw the planes' information and the codes' histograms."""
    figure = new_figure(9, 1.5 + 0.35 * len(layers))
    left, right = figure.subplots(1, 2)
    names = [layer.name for layer in layers]
    image = left.imshow([layer.planes for layer in layers], vmin=0, vmax=1, aspect="auto")
    left.set_xticks(range(8), [str(k) for k in range(1, 9)])
    left.set_yticks(range(len(names)), names)
    left.set_xlabel("plane, 1 = MSB")
    left.set_title("bits of information that a plane adds")
    figure.colorbar(image, ax=left)
    shares = [layer.histogram.reshape(64, 4).sum(1) / layer.histogram.max() for layer in layers]
    right.imshow(shares, aspect="auto", extent=(0, 256, len(names) - 0.5, -0.5))
    right.set_yticks(range(len(names)), [])
    right.set_xlabel("8-bit code")
    right.set_title(f"{network.name}: how often each code occurs")
    save_figure(figure, path)
