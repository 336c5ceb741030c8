"""Workloads by name: known networks, exported networks and SCALE-Sim topologies."""

from pathlib import Path

from truncmac.golden import DIGITS, Conv2d, Network, Product, network_by_name, shapes

from .shapes import LayerShape, Window, Workload
from .topology import load_topology
from .zoo import TRANSFORMERS, WORKLOADS

__all__ = ["MOST_TOKENS", "network_of", "network_workload", "workload_by_name"]

MOST_TOKENS = 1 << 20


def network_workload(network: Network) -> Workload:
    """The workload of an exported network.

    Raises
    ------
    ValueError
        If a layer does not fit the layer that it reads: names both, with their shapes.
    """
    sizes = shapes(network)
    layers = tuple(_layer(network, layer, sizes[layer.input]) for layer in network.products)
    return Workload(network.name, layers)


def _layer(network: Network, layer: Product, given: tuple[int, ...]) -> LayerShape:
    reduction, columns = network.codes(layer).shape
    raw, residual = layer.out_bits is None, layer.residual is not None
    if not isinstance(layer, Conv2d):
        return LayerShape(
            layer.name, 1, reduction, columns, bits=layer.bits, raw=raw, residual=residual
        )
    channels, height, width = given
    down, across = network.tensors[f"{layer.name}.codes"].shape[2:]
    window = Window(
        channels // layer.groups,
        height,
        width,
        (down, across),
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
    )
    return LayerShape.conv2d(
        layer.name,
        window,
        columns // layer.groups,
        bits=layer.bits,
        raw=raw,
        residual=residual,
        groups=layer.groups,
    )


def network_of(text: str) -> Network | None:
    """The network that a workload's name stands for; None if only its layers' sizes are known."""
    path = Path(text)
    sizes_alone = text in WORKLOADS or path.suffix.lower() in (".csv", ".onnx")
    sizes_alone = sizes_alone or not path.exists()
    return network_by_name(text) if text == DIGITS or not sizes_alone else None


def workload_by_name(text: str) -> Workload:
    """The workload that a command line names.

    Parameters
    ----------
    text : a name in `WORKLOADS`; `NAME@TOKENS`, a transformer at a sequence length; `digits`,
        the network that comes with the package; a SCALE-Sim topology, `.csv`; or the file of an
        exported network

    Raises
    ------
    ValueError
        If there is no such name or file: tells the names; or if the file is not valid.
    OSError
        If the file cannot be read.
    """
    if text in WORKLOADS:
        return WORKLOADS[text]()
    path = Path(text)
    if path.suffix.lower() == ".csv":
        return load_topology(path)
    if path.suffix.lower() == ".onnx":
        raise ValueError(
            f"{text}: truncmac report counts ONNX graphs; for all else, make a network file of it "
            "with truncmac import"
        )
    network = network_of(text)
    if network is not None:
        return network_workload(network)
    name, at, tokens = text.partition("@")
    if at and name in TRANSFORMERS:
        return TRANSFORMERS[name][0](_tokens(name, tokens))
    known = ", ".join([*WORKLOADS, DIGITS])
    raise ValueError(
        f"Workload must be one of {known}, NAME@TOKENS of {' or '.join(TRANSFORMERS)}, a .csv "
        f"topology or an exported network, not {text!r}"
    )


def _tokens(name: str, text: str) -> int:
    valid = text.isascii() and text.isdecimal() and len(text) <= 7
    if not valid or not 1 <= int(text) <= MOST_TOKENS:
        raise ValueError(
            f"Sequence length of {name} must be a whole number in 1..{MOST_TOKENS}, not {text!r}"
        )
    return int(text)
