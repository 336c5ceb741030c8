"""Says what a characterisation measures, and measures one array of it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import LayersUsed
from truncmac.sim.netlist.library import Library
from truncmac.sim.netlist.mapping import TIMEOUT_S

from .fit import Beside, dense_layer
from .idle import IdleRuns, measure_idle, measure_single_row
from .measure import Core, Measured, measure_all
from .parts import used_part
from .stalls import StalledRuns, measure_stalls

__all__ = ["Plan", "Run", "Runs", "measure_size"]


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes
    ----------
    library : the library of cells
    label : its short name, as in "ihp-sg13g2"
    sizes : arrays of one PE shape from which the figures come; no two have equal rows and columns
    held_sizes : more such arrays, only for the errors
    layers : layers that run, by k of their network
    held_layers : layers of another network, only for the errors; they run on `sizes`: at each k on
        the first, and at the largest and the smallest k on the others
    workload : where the layers come from, for the record
    period_ps : clock target of synthesis
    dont_use : patterns of cells that synthesis leaves out
    timeout_s : limit of the synthesis of an array

    Raises
    ------
    ValueError
        If two sizes have equal rows and columns.
    """

    library: Library
    label: str
    sizes: Sequence[ArrayConfig]
    held_sizes: Sequence[ArrayConfig]
    layers: Mapping[int, Sequence[Gemm]]
    held_layers: Mapping[int, Sequence[Gemm]]
    workload: LayersUsed
    period_ps: float
    dont_use: Sequence[str]
    timeout_s: float = TIMEOUT_S

    def __post_init__(self) -> None:
        shapes = [f"{c.rows}x{c.cols}" for c in (*self.sizes, *self.held_sizes)]
        twice = sorted({shape for shape in shapes if shapes.count(shape) > 1})
        if twice:
            raise ValueError(f"Array sizes must differ in rows or columns; given twice: {twice[0]}")

    @property
    def steps(self) -> int:
        """Number of netlists and runs of the plan."""
        own = sum(len(layers) for layers in self.layers.values())
        held = sum(len(layers) for layers in self.held_layers.values())
        stalled = 2 * len(self.layers)
        return len(self.sizes) * (1 + own + held + stalled) + len(self.held_sizes) * (1 + own)


@dataclass(frozen=True)
class Run:
    """A measurement and what it is for.

    Attributes
    ----------
    bits : k of the network
    own : whether the layer is of the network of the figures, not of the one that is held out
    held_out : whether no figure comes from it
    """

    bits: int
    own: bool
    held_out: bool
    measured: Measured


@dataclass(frozen=True)
class Runs:
    """All measurements.

    Attributes
    ----------
    fitted : runs of layers from which figures come
    held : runs of layers only for the errors
    stalled : runs with pauses, by k of the network
    dense, sparse, idle : runs with other data than those of layers, as in `Beside`
    """

    fitted: list[Run] = field(default_factory=list)
    held: list[Run] = field(default_factory=list)
    stalled: dict[int, list[StalledRuns]] = field(default_factory=lambda: defaultdict(list))
    dense: list[Measured] = field(default_factory=list)
    sparse: list[Measured] = field(default_factory=list)
    idle: list[IdleRuns] = field(default_factory=list)

    def beside(self, bits: int) -> Beside:
        """Runs at one k with other data than those of the network's layers."""
        return Beside(
            dense=[m for m in self.dense if m.bits == bits],
            sparse=[m for m in self.sparse if m.bits == bits],
            idle=[run for run in self.idle if run.plain.bits == bits],
        )


def measure_size(core: Core, plan: Plan, runs: Runs, on_step: Callable[[str], None]) -> None:
    """Add the runs of an array: of the plan's layers, and all others if it is not held out."""
    held = core.config in plan.held_sizes
    for k, layers in plan.layers.items():
        found = measure_all(core, layers, partial(on_step, f"{_size(core)}, k = {k}"))
        (runs.held if held else runs.fitted).extend(Run(k, True, held, m) for m in found)
    if held:
        return
    for k, pauses in measure_stalls(core, plan.layers, on_step).items():
        runs.stalled[k].append(pauses)
    for k, layers in plan.layers.items():
        on_step(f"{_size(core)}, k = {k}, with idle rows and columns")
        fullest = _fullest(layers, k, core.config)
        runs.idle.append(measure_idle(core, fullest))
        runs.dense.append(core.measure(dense_layer(fullest)))
    for gemm in _raw(plan.layers):
        runs.sparse.append(measure_single_row(core, gemm))
    ends = (max(plan.held_layers, default=0), min(plan.held_layers, default=0))
    for k, layers in plan.held_layers.items():
        if core.config == plan.sizes[0] or k in ends:
            found = measure_all(core, layers, partial(on_step, f"{_size(core)}, k = {k}, held out"))
            runs.held.extend(Run(k, False, True, m) for m in found)


def _size(core: Core) -> str:
    return f"{core.config.rows} x {core.config.cols}"


def _fullest(layers: Sequence[Gemm], bits: int, config: ArrayConfig) -> Gemm:
    """The layer with the most work of those at `bits` that fill the array best."""
    own = [gemm for gemm in layers if gemm.bits == bits] or layers
    return max(own, key=lambda gemm: (np.prod(used_part(gemm, config)), gemm.macs))


def _raw(layers: Mapping[int, Sequence[Gemm]]) -> list[Gemm]:
    """A layer whose outputs are raw sums for each k that such layers have.

    It is taken from the network at its largest k.
    """
    found = {gemm.bits: gemm for k in sorted(layers) for gemm in layers[k] if gemm.requant is None}
    return list(found.values())
