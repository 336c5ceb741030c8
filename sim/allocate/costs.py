"""Costs of a layer at a k: the cycles of the array, or its energy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from truncmac.golden import WEIGHT_BITS, Network
from truncmac.golden.types import Codes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_jobs
from truncmac.sim.cycles.points import Sizes, Start
from truncmac.sim.energy.figures import DEFAULT_LIBRARY
from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.model import load
from truncmac.sim.energy.network_data import NetworkData
from truncmac.sim.schedule.blocks import UNLIMITED
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.names import network_workload

__all__ = ["COSTS", "LayerCosts"]

PJ_PER_NJ = 1e3


@dataclass(frozen=True, kw_only=True)
class LayerCosts:
    """Costs of the layers for one image, in whole units.

    Attributes
    ----------
    unit : unit of the costs, as a column's head has it
    about : what is counted, in words
    values : costs by k and layer name
    """

    unit: Literal["cycles", "nJ"]
    about: str
    values: Mapping[int, Mapping[str, int]]

    @property
    def key(self) -> str:
        """The key of the costs in JSON."""
        return "energy_nj" if self.unit == "nJ" else self.unit

    def of(self, name: str, bits: int) -> int:
        """The cost of a layer at a k.

        Raises
        ------
        ValueError
            If costs are not known at that k: names the k at which they are.
        """
        if bits not in self.values:
            known = ", ".join(map(str, self.values))
            raise ValueError(f"Costs in {self.unit} are known at k = {known}, not {bits}")
        return self.values[bits][name]


def cycle_costs(network: Network, config: ArrayConfig, images: Codes) -> LayerCosts:
    """The cycles that the array counts, which do not depend on the images."""
    del images
    workload = network_workload(network)
    layers, sizes = Layers.of(workload), Sizes.of(config)
    names = [layer.name for layer in workload.layers]
    values = {}
    for bits in range(1, WEIGHT_BITS + 1):
        counts, _ = count_jobs(layers.products(layers.bits(bits)), sizes, Start.warm())
        values[bits] = dict(zip(names, counts.cycles.tolist(), strict=True))
    about = "Cycles of one image, as the array counts them"
    return LayerCosts(unit="cycles", about=about, values=values)


def energy_costs(network: Network, config: ArrayConfig, images: Codes) -> LayerCosts:
    """The energy of the core at its highest clock, by the figures of its netlist.

    The data toggle as the layers' activations on these images do, with all layers at the same k.

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
        values[bits] = dict(zip(names, np.rint(picojoules / PJ_PER_NJ).astype(int), strict=True))
    about = (
        f"Energy of one image in the core, without memories, {DEFAULT_LIBRARY}, with {data.about}"
    )
    return LayerCosts(unit="nJ", about=about, values=values)


COSTS: Mapping[str, Callable[[Network, ArrayConfig, Codes], LayerCosts]] = {
    "cycles": cycle_costs,
    "energy": energy_costs,
}
