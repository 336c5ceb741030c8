"""Evaluates NPUs of a space: every network at every k, many NPUs at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden import Network, network_by_name
from truncmac.golden.types import Integers
from truncmac.hw.npu.config import BUS_WIDTHS, NpuConfig, npu_array
from truncmac.integers import ceil_div
from truncmac.sim.cycles.npu.sizes import NpuSizes
from truncmac.sim.npu.actions import Action, actions_of
from truncmac.sim.npu.estimate import Widths
from truncmac.sim.npu.plan import NoRoomError
from truncmac.sim.npu.planning import machine_of, plan_network, ways_to_run
from truncmac.sim.npu.steps import Steps
from truncmac.sim.npu.timing import plan_bytes, plan_cycles
from truncmac.sim.schedule.platforms import KIB

from .evaluation import Evaluator, derived, options
from .loads import Load, loads_of
from .space import ARRAY_AXES, AUTO
from .spec import Spec
from .tables import Table

__all__ = ["NpuEvaluator", "NpuLoad", "npu_config_of", "npu_evaluator"]

NPU_AXES = ("groups", "depth", "bus_width")
PLAN_AXES = ("rows", "lanes", "planes", "groups", "depth")  # NPUs that agree in them share plans
DESIGNS_AT_ONCE = 4096
PLAN_S = 0.03  # seconds of one core, about, that each layer adds to a plan
PLANNED_BUS = BUS_WIDTHS[1]  # of the NPU for which plans are made
MOST_KEPT = 512  # plans


@lru_cache(maxsize=1 << 16)
def npu_config_of(max_reduction: int, **sizes: int) -> NpuConfig | None:
    """The NPU of these sizes, or None if there is none."""
    array = {name: sizes[name] for name in ARRAY_AXES}
    units = array.pop("requantisers")
    try:
        return NpuConfig(
            array=npu_array(
                **array,
                max_reduction=max_reduction,
                requantisers=None if units == AUTO else units,
            ),
            **{name: sizes[name] for name in NPU_AXES},
        )
    except ValueError:
        return None


@dataclass(frozen=True)
class NpuLoad:
    """A network as NPUs run it.

    Attributes
    ----------
    load : its layers, its k and its accuracy
    ways : to run it
    widths : by k of `load`, the k of each layer
    """

    load: Load
    ways: tuple[Steps, ...]
    widths: tuple[Widths, ...]

    def reduction(self, lanes: int) -> int:
        """The longest reduction in whole beats, in products."""
        steps = (step for way in self.ways for step in way.steps if step.layer is not None)
        return max(step.beats(lanes) for step in steps) * lanes

    def actions(self, config: NpuConfig) -> Sequence[Action] | None:
        """How an NPU runs it; None if it does not fit."""
        try:
            # For the most and the fewest bits: those between lie between them
            plan = plan_network(self.ways, config, [self.widths[0], self.widths[-1]])
        except NoRoomError:
            return None
        spilled = dict.fromkeys(plan.spilled, 0)  # addresses change no cycle that is counted
        return actions_of(plan, machine_of(config), spilled)


@dataclass(frozen=True, kw_only=True)
class NpuEvaluator(Evaluator):
    """Makes tables of NPUs.

    NPUs of the same rows, lanes, planes, groups and depth share a plan: that of as many columns as
    rows and a bus of 128 bits. The compiler plans for each NPU, so that it may find a better one.

    Attributes
    ----------
    networks : one for each of `loads`
    """

    networks: tuple[NpuLoad, ...]

    @property
    def expected_s(self) -> float:
        """Seconds that one core needs for the whole space, about."""
        plans = prod(len(self.spec.space[name]) for name in PLAN_AXES)
        return plans * PLAN_S * sum(len(load.layers.rows) for load in self.loads)

    @property
    def designs_at_once(self) -> int:
        """Designs that are evaluated together, at most."""
        return DESIGNS_AT_ONCE

    def npu(self, entry: Mapping[str, Any]) -> NpuConfig | None:
        """The NPU of a table's entry, or None if there is none of its sizes."""
        sizes = {name: int(entry[name]) for name in (*ARRAY_AXES, *NPU_AXES)}
        return npu_config_of(self.longest(sizes["lanes"]), **sizes)

    def command(self, entry: Mapping[str, Any]) -> str:
        """The command that writes the hardware of a table's entry."""
        sizes = options(entry, (*ARRAY_AXES, *NPU_AXES))
        longest = self.longest(int(entry["lanes"]))
        return f"truncmac rtl --top npu {sizes} --max-reduction {longest}"

    def longest(self, lanes: int) -> int:
        """The longest reduction K of all networks, which arrays of so many lanes are built for."""
        return max(each.reduction(lanes) for each in self.networks)

    def _evaluated(self, designs: Table) -> tuple[npt.NDArray[np.bool_], Table, Table]:
        names = (*ARRAY_AXES, *NPU_AXES)
        rows = zip(*(designs[name].tolist() for name in names), strict=True)
        configs = [self.npu(dict(zip(names, row, strict=True))) for row in rows]
        valid = np.array([config is not None for config in configs], bool)
        npus = [config for config in configs if config is not None]
        columns = {name: values[valid] for name, values in designs.items()}
        columns["requantisers"] = np.array([npu.array.requantisers for npu in npus], int)
        memory = np.array([npu.memory_bytes / KIB for npu in npus], float)
        columns |= derived(columns) | {"buffer_kib": memory}
        parts = [self._measure(each, columns, npus) for each in self.networks]
        return valid, columns, self._joined(parts, len(npus))

    def _measure(self, network: NpuLoad, columns: Table, npus: Sequence[NpuConfig]) -> Table:
        """Measures of a network on some NPUs at each k: arrays (NPUs, bit-widths)."""
        shape = (len(npus), len(network.load.bits))
        cycles, moved = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        fits = np.zeros(shape, bool)
        for places in _alike([columns[name] for name in PLAN_AXES]):
            some = [npus[place] for place in places]
            actions = _actions(network, _planned(some[0]))
            if actions is not None:
                cycles[places], moved[places] = _counted(actions, network.widths, some)
                fits[places] = True
        return _table(network.load, columns, cycles, moved, fits)


def npu_evaluator(
    spec: Spec, on_progress: Callable[[str], None] = lambda what: None
) -> NpuEvaluator:
    """Read the networks of a spec, and make what evaluates its NPUs.

    Raises
    ------
    ValueError
        If a workload is no network, or an NPU cannot run it.
    """
    loads = loads_of(spec, on_progress)
    networks = tuple(_npu_load(load) for load in loads)
    longest = max(int(load.layers.reduction.max()) for load in loads)
    return NpuEvaluator(spec=spec, loads=loads, max_reduction=longest, networks=networks)


def _npu_load(load: Load) -> NpuLoad:
    try:
        network: Network = network_by_name(load.name)
    except ValueError as error:
        raise ValueError(
            f"{load.name}: must be a network for an NPU to run it, not shapes alone: {error}"
        ) from error
    # By shape alone: an example has parameters for some k only
    widths = tuple(
        {layer.name: (layer.bits or k, k) for layer in network.products} for k in load.bits
    )
    return NpuLoad(load, ways_to_run(network), widths)


def _planned(config: NpuConfig) -> NpuConfig:
    """The NPU whose plan others share that agree with it in `PLAN_AXES`."""
    own = config.array
    array = npu_array(
        rows=own.rows,
        cols=max(own.rows, 8 // own.lanes),
        lanes=own.lanes,
        planes=own.planes,
        max_reduction=own.max_reduction,
    )
    return NpuConfig(array, PLANNED_BUS, config.groups, config.depth)


_plans: dict[object, Sequence[Action] | None] = {}


def _actions(network: NpuLoad, config: NpuConfig) -> Sequence[Action] | None:
    """How NPUs run a network; the latest are kept."""
    key = network.load.name, network.load.bits, config
    if key not in _plans:
        if len(_plans) == MOST_KEPT:
            del _plans[next(iter(_plans))]
        _plans[key] = network.actions(config)
    return _plans[key]


def _alike(columns: Sequence[Integers]) -> Sequence[Integers]:
    """The places at which all columns have the same values, a set for each such value."""
    if not len(columns[0]):
        return []
    _, which = np.unique(np.stack(columns), axis=1, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    return np.split(order, np.flatnonzero(np.diff(which.ravel()[order])) + 1)


def _counted(
    actions: Sequence[Action], widths: Sequence[Widths], npus: Sequence[NpuConfig]
) -> tuple[Integers, Integers]:
    """Cycles, and bytes on the bus, of NPUs that share a plan: arrays (NPUs, bit-widths)."""
    sizes = NpuSizes.of(npus)
    bits = [
        np.array([[0 if action.step.layer is None else own[action.step.name][0] for own in widths]])
        for action in actions
    ]
    chunks = [ceil_div(own, sizes.array.planes) for own in bits]
    rows = npus[0].array.rows
    return plan_cycles(actions, sizes, chunks, rows), plan_bytes(actions, sizes, chunks)


def _table(
    load: Load, columns: Table, cycles: Integers, moved: Integers, fits: npt.NDArray[np.bool_]
) -> Table:
    """Columns of time and traffic, of all images of a batch: one start is one image."""
    cycles, moved = cycles * load.images, moved * load.images
    seconds = cycles / (columns["clock_mhz"] * 1e6)[:, None]
    planes = columns["planes"][:, None, None]
    steps = (load.layers.macs * ceil_div(load.layer_bits[None], planes)).sum(axis=-1)
    multipliers = (columns["pes"] * columns["lanes"])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # what does not fit takes no time
        return {
            "fits": fits,
            "cycles": cycles,
            "latency_ms": 1e3 * seconds,
            "images_per_s": load.images / seconds,
            "utilisation": steps / (multipliers * cycles),
            "dram_bytes": moved,
        }
