"""The workloads of an exploration, with the accuracies of those that are networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from truncmac.golden import Network, images_by_name, network_accuracy
from truncmac.golden.types import Codes, Integers, Labels
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.workloads.names import network_of, network_workload, workload_by_name
from truncmac.sim.workloads.shapes import Workload

from .spec import Spec

__all__ = ["Load", "loads_of", "network_images"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """A workload, ready to be evaluated.

    Attributes
    ----------
    bits : the k at which it is evaluated: those of the spec for which it has parameters
    layers : its layers, with the rows of all images of a batch
    images : number of images in a batch
    accuracy : share of images that are classified rightly, at each k; None: nothing needs it
    """

    name: str
    bits: tuple[int, ...]
    layers: Layers
    images: int = 1
    accuracy: tuple[float, ...] | None = None

    @property
    def layer_bits(self) -> Integers:
        """k of each layer, (bit-widths, layers)."""
        return self.layers.bits(np.array(self.bits)[:, None])

    @property
    def fingerprint(self) -> list[object]:
        """Everything that its results depend on, as plain values."""
        layers = {name: values.tolist() for name, values in vars(self.layers).items()}
        return [self.name, list(self.bits), layers, self.images, self.accuracy]


def network_images(spec: Spec, name: str, network: Network) -> tuple[Codes, Labels | None]:
    """Images of a workload that is a network, and their labels if they are known.

    Raises
    ------
    ValueError
        If there are no images: says how to give them.
    """
    data = None if spec.data is None else Path(spec.data)
    ask = "give its images with --data, or data in the file"
    return images_by_name(name, data, network, ask=ask)


def loads_of(
    spec: Spec, on_progress: Callable[[str], None] = lambda what: None
) -> tuple[Load, ...]:
    """Read the workloads of `spec`, and measure their accuracy on golden if it is needed.

    Parameters
    ----------
    on_progress : called with what is done next, in words

    Raises
    ------
    ValueError
        If a workload is unknown, has no parameters for any k of the spec, or has no accuracy
        although an objective or a constraint needs it.
    """
    return tuple(_load(spec, name, on_progress) for name in spec.workloads)


def _load(spec: Spec, name: str, on_progress: Callable[[str], None]) -> Load:
    network = network_of(name)
    workload = workload_by_name(name) if network is None else network_workload(network)
    layers = Layers.of(workload, spec.images)
    wants_accuracy = "accuracy" in spec.needed_columns
    if network is None:
        if wants_accuracy:
            raise ValueError(
                f"{name}: must be an exported network for its accuracy to be known, "
                "not shapes alone"
            )
        bits = _own_bits(workload) or spec.bits
        return Load(name=name, bits=bits, layers=layers, images=spec.images)
    bits = tuple(k for k in spec.bits if k in network.bit_widths)
    if not bits:
        has = ", ".join(map(str, network.bit_widths))
        raise ValueError(
            f"{name}: must have parameters for one of the bits, not only for k = {has}"
        )
    accuracy = _accuracies(spec, name, network, bits, on_progress) if wants_accuracy else None
    return Load(name=name, bits=bits, layers=layers, images=spec.images, accuracy=accuracy)


def _own_bits(workload: Workload) -> tuple[int, ...] | None:
    """One k, if every layer has a k of its own: then the network's k changes nothing; else None."""
    own = {layer.bits for layer in workload.layers}
    return None if None in own else (max(k for k in own if k is not None),)


def _accuracies(
    spec: Spec,
    name: str,
    network: Network,
    bits: tuple[int, ...],
    on_progress: Callable[[str], None],
) -> tuple[float, ...]:
    images, labels = network_images(spec, name, network)
    if labels is None:
        raise ValueError(f"{spec.data or name}: must hold labels, for accuracy to be measured")
    accuracies = []
    for k in bits:
        on_progress(f"Measuring the accuracy of {name} at k = {k}")
        accuracies.append(network_accuracy(network, images, labels, k))
    return tuple(accuracies)
