"""The workloads of an exploration, with the accuracy of those that are networks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.golden import Network, images_by_name, network_accuracy
from truncmac.golden.types import Codes, Labels
from truncmac.sim.schedule.schedule import Layers
from truncmac.sim.workloads.names import network_of, network_workload, workload_by_name
from truncmac.sim.workloads.shapes import Workload

from .spec import Spec

__all__ = ["Load", "loads_of", "network_images"]


@dataclass(frozen=True)
class Load:
    """A workload as it is evaluated.

    Attributes
    ----------
    bits : k of the network: those of the spec for which it has parameters
    layers : of all images of a batch
    images : of a batch
    accuracy : at each k, or None where nothing needs it
    """

    name: str
    bits: tuple[int, ...]
    layers: Layers
    images: int = 1
    accuracy: tuple[float, ...] | None = None

    @property
    def layer_bits(self) -> npt.NDArray[np.int64]:
        """k of each layer, (bit-widths, layers)."""
        return self.layers.bits(np.array(self.bits)[:, None])

    @property
    def fingerprint(self) -> list[object]:
        """Plain values of all that its results depend on."""
        layers = {name: values.tolist() for name, values in vars(self.layers).items()}
        return [self.name, list(self.bits), layers, self.images, self.accuracy]


def network_images(spec: Spec, name: str, network: Network) -> tuple[Codes, Labels | None]:
    """Images of a workload that is a network, and their labels if known.

    Raises
    ------
    ValueError
        If there are none: says how to give them.
    """
    data = None if spec.data is None else Path(spec.data)
    ask = "give its images with --data, or data in the file"
    return images_by_name(name, data, network, ask=ask)


def loads_of(
    spec: Spec, on_progress: Callable[[str], None] = lambda what: None
) -> tuple[Load, ...]:
    """Read the workloads of `spec`, and measure their accuracy on golden if it is needed.

    Raises
    ------
    ValueError
        If a workload is unknown, has no parameters for any k of the spec, or has no accuracy.
    """
    return tuple(_load(spec, name, on_progress) for name in spec.workloads)


def _load(spec: Spec, name: str, on_progress: Callable[[str], None]) -> Load:
    network = network_of(name)
    workload = workload_by_name(name) if network is None else network_workload(network)
    layers = Layers.of(workload, spec.images)
    wants_accuracy = "accuracy" in spec.columns
    if network is None:
        if wants_accuracy:
            raise ValueError(
                f"{name}: must be an exported network for its accuracy to be known, "
                "not shapes alone"
            )
        return Load(name, _own_bits(workload) or spec.bits, layers, spec.images)
    bits = tuple(k for k in spec.bits if k in network.bit_widths)
    if not bits:
        has = ", ".join(map(str, network.bit_widths))
        raise ValueError(
            f"{name}: must have parameters for one of the bits, not only for k = {has}"
        )
    accuracy = _accuracies(spec, name, network, bits, on_progress) if wants_accuracy else None
    return Load(name, bits, layers, spec.images, accuracy)


def _own_bits(workload: Workload) -> tuple[int, ...] | None:
    """If every layer has a k of its own, the network's k changes nothing: one is enough."""
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
