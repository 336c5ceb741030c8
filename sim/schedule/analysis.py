"""What a workload makes of a platform, layer by layer and k by k: time, and where it goes.

Cycles are split exactly. In a cycle the array could do rows x cols x lanes products of an
activation and a weight chunk. What a layer needs of these is its ideal; all others are lost for
one of `REASONS`, and the ideal and the losses add up to the cycles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from truncmac.golden.types import Integers, Reals
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.cycles.closed_form import RESTART, Sizes
from truncmac.sim.workloads.shapes import Workload

from .platforms import Platform
from .schedule import ORDERS, Goal, Layers, MemoryArrays, Schedule, needed_bytes, schedule

__all__ = ["REASONS", "TRAFFIC", "Analysis", "Energy", "analyse", "check_reductions"]


REASONS: Mapping[str, str] = {
    "rows": "rows of PEs without an output: M does not fill the last tile",
    "columns": "columns of PEs without an output: N does not fill the last tile",
    "lanes": "lanes without a product: K does not fill the last beat",
    "drain": "the tile before still drains: the stall of tiles shorter than that takes",
    "parameters": "the next column tile's requantisation parameters still load",
    "pipeline": "filling and draining the array's pipeline, and starting the next job",
    "memory": "the DRAM still moves the next job's operands or the last one's outputs",
}
TRAFFIC: Mapping[str, str] = {
    "dram_weights": "weights and requantisation parameters from DRAM",
    "dram_inputs": "activations from DRAM",
    "dram_residuals": "residual codes from DRAM",
    "dram_outputs": "outputs to DRAM",
}
BASELINE = 8  # k that speed-ups are against

# Energies in picojoules (k, layers) of a schedule; bits are those of each layer at each k.
Energy = Callable[[ArrayConfig, Schedule, Integers], Reals]


@dataclass(frozen=True, eq=False)
class Analysis:
    """The figures of a workload's layers at several k: arrays (k, layers).

    Attributes
    ----------
    bits : the network's k
    layer_bits : each layer's k
    images : of a batch, whose rows are one product
    ideal : products of an activation and a chunk that the layers need
    lost : the same, that the array could do in the layers' cycles and does not, by reason
    baseline : cycles at k = 8, (layers,)
    ideal_baseline : ideal at k = 8, (layers,)
    energy_pj : or None
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
        """Products of an activation and a chunk that the array could do in a cycle."""
        config = self.platform.config
        return config.rows * config.cols * config.lanes

    def rows(self) -> list[dict[str, Any]]:
        """Figures of each layer at each k, the k in the outer order."""
        return [
            self._row(at, index)
            for at in range(len(self.bits))
            for index in range(len(self.workload.layers))
        ]

    def totals(self) -> list[dict[str, Any]]:
        """Figures of the whole workload at each k."""
        return [self._total(at) for at in range(len(self.bits))]

    def _row(self, at: int, index: int) -> dict[str, Any]:
        layer, found, here = self.workload.layers[index], self.schedule, (at, index)
        row_blocks = int(found.row_blocks[here])
        column_blocks = int(found.column_blocks[here])
        order = ORDERS[0] if found.weights_stay[here] else ORDERS[1]
        energy = None if self.energy_pj is None else float(self.energy_pj[here])
        return {
            "k": self.bits[at],
            "layer": layer.name,
            "layer_k": int(self.layer_bits[here]),
            "rows": int(self.layers.rows[index]),
            "reduction": layer.reduction,
            "columns": layer.columns,
            "groups": layer.groups,
            **self._figures(np.s_[at, index : index + 1], np.s_[index : index + 1], energy),
            "row_blocks": row_blocks,
            "column_blocks": column_blocks,
            "order": order if row_blocks * column_blocks > 1 else "one block",
        }

    def _total(self, at: int) -> dict[str, Any]:
        every = np.s_[:]
        energy = None if self.energy_pj is None else float(self.energy_pj[at].sum())
        figures = self._figures(np.s_[at, every], every, energy)
        chunks = self.platform.config.chunks / ceil_div(self.bits[at], self.platform.config.planes)
        return {
            "k": self.bits[at],
            **figures,
            "images_per_s": self.images * self.platform.clock_hz / figures["cycles"],
            "ideal_speedup": chunks,
            "possible_speedup": float(self.ideal_baseline.sum() / self.ideal[at].sum()),
            "bound_cycles": ceil_div(int(self.ideal[at].sum()), self.slots),
        }

    def _figures(self, here: Any, layers: Any, energy: float | None) -> dict[str, Any]:
        """Figures of some layers together, at one k."""
        found, platform = self.schedule, self.platform
        macs = int(self.layers.macs[layers].sum())
        cycles = int(found.cycles[here].sum())
        ideal = int(self.ideal[here].sum())
        traffic = {name: int(getattr(found, name)[here].sum()) for name in TRAFFIC}
        dram_bytes = sum(traffic.values())
        ideal_cycles = ideal / self.slots
        # MACs a cycle that the array reaches at best; what follows the layers' own k
        peak = macs / ideal_cycles
        ridge = peak / platform.dram_bytes_per_cycle
        return {
            "macs": macs,
            "tiles": int(found.counts.tiles[here].sum()),
            "array_cycles": int(found.counts.cycles[here].sum()),
            "cycles": cycles,
            "utilisation": ideal_cycles / cycles,
            "macs_per_s": macs * platform.clock_hz / cycles,
            "time_s": cycles / platform.clock_hz,
            "speedup": int(self.baseline[layers].sum()) / cycles,
            "ideal_cycles": ideal_cycles,
            **{
                f"lost_{name}": int(lost[here].sum()) / self.slots
                for name, lost in self.lost.items()
            },
            **traffic,
            "dram_bytes": dram_bytes,
            "dram_cycles": int(found.dram_cycles[here].sum()),
            "read_activations": int(found.read_activations[here].sum()),
            "read_weights": int(found.read_weights[here].sum()),
            "intensity": macs / dram_bytes,
            "ridge": ridge,
            "bound": "memory" if macs / dram_bytes < ridge else "compute",
            "jobs": int(found.jobs[here].sum()),
            "energy_pj": energy,
        }


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
    images : of a batch, whose rows are one product
    goal : of each layer's order: the fewest cycles, or the fewest DRAM bytes
    energy : gives the layers' energies

    Raises
    ------
    ValueError
        If a layer does not fit: its K the array, or its smallest block the scratchpads; named
        with what it needs.
    """
    check_reductions(workload, platform.config)
    layers = Layers.of(workload, images)
    sizes = Sizes.of(platform.config)
    memory = platform.memory
    room = MemoryArrays(
        np.array(memory.activation_bytes),
        np.array(memory.weight_bytes),
        np.array(platform.dram_bytes_per_cycle),
    )
    wanted = np.array(bits)[:, None]
    _check_fits(workload, platform, layers, room, np.append(wanted, BASELINE)[:, None])
    found = schedule(layers, sizes, room, wanted, goal=goal)
    layer_bits = layers.bits(wanted)

    def ideal(bits: Integers) -> Integers:
        return layers.macs * ceil_div(bits, platform.config.planes)

    return Analysis(
        workload=workload,
        platform=platform,
        goal=goal,
        images=images,
        bits=tuple(bits),
        layers=layers,
        layer_bits=layer_bits,
        schedule=found,
        ideal=ideal(layer_bits),
        lost=_lost(layers, sizes, found, layer_bits),
        baseline=schedule(layers, sizes, room, BASELINE, goal=goal).cycles,
        ideal_baseline=ideal(layers.bits(BASELINE)),
        energy_pj=None if energy is None else energy(platform.config, found, layer_bits),
    )


def check_reductions(workload: Workload, config: ArrayConfig) -> None:
    """Raise ValueError, naming the layer and both numbers, if one's K is too long."""
    for layer in workload.layers:
        if layer.reduction > config.max_reduction:
            raise ValueError(
                f"Layer {layer.name!r} has reduction K = {layer.reduction}; the array is built for "
                f"K up to {config.max_reduction}. Build it with --max-reduction {layer.reduction}"
            )


def _check_fits(
    workload: Workload, platform: Platform, layers: Layers, room: MemoryArrays, bits: Integers
) -> None:
    needed = needed_bytes(layers, Sizes.of(platform.config), room, bits)
    names = (("an", "activation"), ("a", "weight"))
    have = (platform.memory.activation_bytes, platform.memory.weight_bytes)
    layer_bits = layers.bits(bits)
    for (article, name), least_bytes, size in zip(names, needed, have, strict=True):
        all_bytes = np.broadcast_to(least_bytes, layer_bits.shape)
        lacking = np.argwhere(all_bytes > size)
        if len(lacking):
            at, index = lacking[0]
            least = int(all_bytes[at, index])
            raise ValueError(
                f"Layer {workload.layers[index].name!r} needs {article} {name} scratchpad of "
                f"{least:,} bytes at k = {layer_bits[at, index]}, two halves of its "
                f"smallest block each; there are {size:,}. Give --{name}-kib "
                f"{ceil_div(least, 1024)}"
            )


def _lost(layers: Layers, sizes: Sizes, found: Schedule, bits: Integers) -> dict[str, Integers]:
    """Products of an activation and a chunk that are not done, by reason."""
    each = layers.groups * ceil_div(bits, sizes.planes)
    M, K, N = layers.rows, layers.reduction, layers.columns
    rows = ceil_div(M, sizes.rows) * sizes.rows
    columns = ceil_div(N, sizes.cols) * sizes.cols
    reduction = ceil_div(K, sizes.lanes) * sizes.lanes
    counts, slots = found.counts, sizes.rows * sizes.cols * sizes.lanes
    stalled = counts.stalled_drain + counts.stalled_parameters
    restarts = RESTART * found.jobs
    return {
        "rows": each * (rows - M) * columns * reduction,
        "columns": each * M * (columns - N) * reduction,
        "lanes": each * M * N * (reduction - K),
        "drain": slots * counts.stalled_drain,
        "parameters": slots * counts.stalled_parameters,
        "pipeline": slots * (counts.cycles - counts.chunks - stalled + restarts),
        "memory": slots * (found.cycles - counts.cycles - restarts),
    }
