"""What a workload makes of a platform, layer by layer and k by k: time, traffic and losses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from truncmac.golden.types import Integers, Reals
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.workloads.shapes import Workload

from .blocks import MemoryArrays
from .fits import check_fits, check_reductions
from .layers import Layers
from .losses import lost_products, needed_products
from .platforms import Platform
from .schedule import ORDERS, Goal, Schedule, schedule

__all__ = ["TRAFFIC", "Analysis", "Energy", "Usage", "analyse"]

TRAFFIC: Mapping[str, str] = {
    "dram_weights": "weights and requantisation parameters from DRAM",
    "dram_inputs": "activations from DRAM",
    "dram_residuals": "residual codes from DRAM",
    "dram_outputs": "outputs to DRAM",
}
BASELINE_BITS = 8  # the k that speed-ups are against

# Energies in picojoules (k, layers) of a schedule; bits are those of each layer at each k.
Energy = Callable[[ArrayConfig, Schedule, Integers], Reals]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What some layers take together at one k.

    Attributes
    ----------
    macs : multiply-accumulates, without padding
    tiles, array_cycles : counted by the core
    cycles : with the waiting for memory, and from job to job
    utilisation : ideal cycles / cycles
    macs_per_s, time_s : at the platform's clock
    speedup : cycles at k = 8 / cycles
    ideal_cycles : if every lane of every PE had work in every cycle
    lost : cycles that are lost, by reason
    traffic : bytes from and to DRAM, by kind
    dram_bytes, dram_cycles : all bytes from and to DRAM, and the cycles that they take
    read_activations, read_weights : bytes that the array reads from the scratchpads
    intensity : MACs for each byte of DRAM traffic
    ridge : the intensity above which the array is the limit, and not the DRAM
    bound : which of them is the limit
    jobs : number of jobs of the array
    energy_pj : energy, or None if it is unknown
    """

    macs: int
    tiles: int
    array_cycles: int
    cycles: int
    utilisation: float
    macs_per_s: float
    time_s: float
    speedup: float
    ideal_cycles: float
    lost: Mapping[str, float]
    traffic: Mapping[str, int]
    dram_bytes: int
    dram_cycles: int
    read_activations: int
    read_weights: int
    intensity: float
    ridge: float
    bound: Literal["memory", "compute"]
    jobs: int
    energy_pj: float | None

    def as_record(self) -> dict[str, Any]:
        """Plain values by name; losses and traffic have a name for each reason and kind."""
        record: dict[str, Any] = {}
        for name, value in vars(self).items():
            if name == "lost":
                record |= {f"lost_{reason}": cycles for reason, cycles in self.lost.items()}
            elif name == "traffic":
                record |= self.traffic
            else:
                record[name] = value
        return record


@dataclass(frozen=True, eq=False, kw_only=True)
class Analysis:
    """A workload on a platform at several k; arrays are (k, layers) unless they say otherwise.

    Attributes
    ----------
    goal : what the order of each layer is chosen for
    images : number of images in a batch, whose rows are one product
    bits : the network's k
    layer_bits : each layer's k
    schedule : how the layers run
    ideal : products of an activation and a weight chunk that the layers need
    lost : products that the array could do in the layers' cycles and does not, by reason
    baseline : cycles at k = 8, (layers,)
    ideal_baseline : `ideal` at k = 8, (layers,)
    energy_pj : energy, or None if it is unknown
    """

    workload: Workload
    platform: Platform
    goal: Goal
    images: int
    bits: tuple[int, ...]
    layers: Layers
    layer_bits: Integers
    schedule: Schedule
    ideal: Integers
    lost: Mapping[str, Integers]
    baseline: Integers
    ideal_baseline: Integers
    energy_pj: Reals | None

    @property
    def slots(self) -> int:
        """Products of an activation and a weight chunk that the array could do in a cycle."""
        config = self.platform.config
        return config.rows * config.cols * config.lanes

    def layer_records(self) -> list[dict[str, Any]]:
        """A record of each layer at each k: all layers at the first k, then at the next."""
        return [
            self._layer_record(at, index)
            for at in range(len(self.bits))
            for index in range(len(self.workload.layers))
        ]

    def total_records(self) -> list[dict[str, Any]]:
        """A record of the whole workload at each k."""
        return [self._total_record(at) for at in range(len(self.bits))]

    def _layer_record(self, at: int, index: int) -> dict[str, Any]:
        layer, found, here = self.workload.layers[index], self.schedule, (at, index)
        row_blocks = int(found.row_blocks[here])
        column_blocks = int(found.column_blocks[here])
        order = ORDERS[0] if found.weights_stay[here] else ORDERS[1]
        return {
            "k": self.bits[at],
            "layer": layer.name,
            "layer_k": int(self.layer_bits[here]),
            "rows": int(self.layers.rows[index]),
            "reduction": layer.reduction,
            "columns": layer.columns,
            "groups": layer.groups,
            **self.usage(at, slice(index, index + 1)).as_record(),
            "row_blocks": row_blocks,
            "column_blocks": column_blocks,
            "order": order if row_blocks * column_blocks > 1 else "one block",
        }

    def _total_record(self, at: int) -> dict[str, Any]:
        config, usage = self.platform.config, self.usage(at, slice(None))
        return {
            "k": self.bits[at],
            **usage.as_record(),
            "images_per_s": self.images * self.platform.clock_hz / usage.cycles,
            "ideal_speedup": config.chunks / ceil_div(self.bits[at], config.planes),
            "possible_speedup": float(self.ideal_baseline.sum() / self.ideal[at].sum()),
            "bound_cycles": ceil_div(int(self.ideal[at].sum()), self.slots),
        }

    def usage(self, at: int, layers: slice) -> Usage:
        """What some layers take together.

        Parameters
        ----------
        at : index of the k
        layers : indices of the layers
        """
        found, platform, here = self.schedule, self.platform, (at, layers)
        macs = int(self.layers.macs[layers].sum())
        cycles = int(found.cycles[here].sum())
        traffic = {name: int(getattr(found, name)[here].sum()) for name in TRAFFIC}
        dram_bytes = sum(traffic.values())
        ideal_cycles = int(self.ideal[here].sum()) / self.slots
        # MACs / ideal cycles is what the array reaches at best; it follows the layers' own k
        ridge = macs / ideal_cycles / platform.dram_bytes_per_cycle
        return Usage(
            macs=macs,
            tiles=int(found.counts.tiles[here].sum()),
            array_cycles=int(found.counts.cycles[here].sum()),
            cycles=cycles,
            utilisation=ideal_cycles / cycles,
            macs_per_s=macs * platform.clock_hz / cycles,
            time_s=cycles / platform.clock_hz,
            speedup=int(self.baseline[layers].sum()) / cycles,
            ideal_cycles=ideal_cycles,
            lost={name: int(lost[here].sum()) / self.slots for name, lost in self.lost.items()},
            traffic=traffic,
            dram_bytes=dram_bytes,
            dram_cycles=int(found.dram_cycles[here].sum()),
            read_activations=int(found.read_activations[here].sum()),
            read_weights=int(found.read_weights[here].sum()),
            intensity=macs / dram_bytes,
            ridge=ridge,
            bound="memory" if macs / dram_bytes < ridge else "compute",
            jobs=int(found.jobs[here].sum()),
            energy_pj=None if self.energy_pj is None else float(self.energy_pj[here].sum()),
        )


def analyse(
    workload: Workload,
    platform: Platform,
    bits: Sequence[int],
    *,
    images: int = 1,
    goal: Goal = "time",
    energy: Energy | None = None,
) -> Analysis:
    """Analyse a workload on a platform at each of `bits`.

    Parameters
    ----------
    images : number of images in a batch, whose rows are one product
    goal : what the order of each layer is chosen for: the fewest cycles, or DRAM bytes
    energy : computes the layers' energies; None: they are unknown

    Raises
    ------
    ValueError
        If a layer does not fit, because its K is too long for the array or its smallest block too
        large for the scratchpads: names the layer and what it needs.
    """
    check_reductions(workload, platform.config)
    layers, sizes = Layers.of(workload, images), Sizes.of(platform.config)
    wanted = np.array(bits)[:, None]
    check_fits(workload, platform, layers, np.append(wanted, BASELINE_BITS)[:, None])
    memory = MemoryArrays.of(platform)
    found = schedule(layers, sizes, memory, wanted, goal=goal)
    layer_bits = layers.bits(wanted)
    return Analysis(
        workload=workload,
        platform=platform,
        goal=goal,
        images=images,
        bits=tuple(bits),
        layers=layers,
        layer_bits=layer_bits,
        schedule=found,
        ideal=needed_products(layers, sizes, layer_bits),
        lost=lost_products(layers, sizes, found, layer_bits),
        baseline=schedule(layers, sizes, memory, BASELINE_BITS, goal=goal).cycles,
        ideal_baseline=needed_products(layers, sizes, layers.bits(BASELINE_BITS)),
        energy_pj=None if energy is None else energy(platform.config, found, layer_bits),
    )
