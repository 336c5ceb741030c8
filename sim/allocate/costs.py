"""What a layer costs at a k: the array's cycles, or its energy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from truncmac.golden import WEIGHT_BITS, Network
from truncmac.golden.types import Codes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_jobs
from truncmac.sim.cycles.points import Sizes, Start
from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.model import DEFAULT_LIBRARY, load
from truncmac.sim.energy.network_data import NetworkData
from truncmac.sim.schedule.blocks import UNLIMITED
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.names import network_workload

__all__ = ["COSTS", "LayerCosts"]

NANO = 1e3  # picojoules


@dataclass(frozen=True)
class LayerCosts:
    """Costs of the layers of one image, whole numbers.

    Attributes
    ----------
    unit : what is counted, as a column's head
    about : the same in a sentence
    values : by k and layer name
    """

    unit: str
    about: str
    values: Mapping[int, Mapping[str, int]]

    @property
    def key(self) -> str:
        """The unit as a key of JSON."""
        return "energy_nj" if self.unit == "nJ" else self.unit

    def of(self, name: str, bits: int) -> int:
        """Cost of a layer at a k.

        Raises
        ------
        ValueError
            If it is not known at that k: names those at which it is.
        """
        if bits not in self.values:
            known = ", ".join(map(str, self.values))
            raise ValueError(f"Costs in {self.unit} are known at k = {known}, not {bits}")
        return self.values[bits][name]


def cycle_costs(network: Network, config: ArrayConfig, images: Codes) -> LayerCosts:
    """The cycles that the array counts, whatever the images."""
    del images
    workload = network_workload(network)
    layers, sizes = Layers.of(workload), Sizes.of(config)
    names = [layer.name for layer in workload.layers]
    values = {}
    for bits in range(1, WEIGHT_BITS + 1):
        counts, _ = count_jobs(layers.products(layers.bits(bits)), sizes, Start.warm())
        values[bits] = dict(zip(names, counts.cycles.tolist(), strict=True))
    return LayerCosts("cycles", "Cycles of one image, as the array counts them", values)


def energy_costs(network: Network, config: ArrayConfig, images: Codes) -> LayerCosts:
    """The core's energy at its highest clock, by the figures of its netlist.

    Data toggle as in the layers' activations on these images, all layers at the same k.

    Raises
    ------
    ValueError
        If the package has no figures of the array's PEs.
    """
    figures = load(config.lanes, config.planes)
    workload = network_workload(network)
    layers, sizes = Layers.of(workload), Sizes.of(config)
    names = [layer.name for layer in workload.layers]
    data = NetworkData.of(network, images)
    values = {}
    for bits in figures.bits:
        own = layers.bits(bits)
        if not set(own.tolist()) <= set(figures.bits):
            continue
        switching = data.switching(config, [bits])
        energies = layer_energies(layers, figures, 1e12 / figures.period_ps, switching)
        picojoules = energies(config, schedule(layers, sizes, UNLIMITED, bits), own)
        values[bits] = dict(zip(names, np.rint(picojoules / NANO).astype(int), strict=True))
    about = f"Energy of one image in the core, without memories, {DEFAULT_LIBRARY}"
    return LayerCosts("nJ", about, values)


COSTS: Mapping[str, Callable[[Network, ArrayConfig, Codes], LayerCosts]] = {
    "cycles": cycle_costs,
    "energy": energy_costs,
}
