"""Plans a network for an NPU: of all ways to run it, the one of the fewest estimated cycles."""

from collections.abc import Sequence
from itertools import product

from truncmac.golden import Machine, Network
from truncmac.hw.npu.config import NpuConfig

from .estimate import Estimate, Widths
from .layouts import choose_layouts
from .plan import NoRoomError, Plan, Planner
from .steps import Steps, folded_shortcuts, network_steps, packings

__all__ = ["machine_of", "plan_network", "planners", "ways_to_run"]


def machine_of(config: NpuConfig) -> Machine:
    """What the reference must know of an NPU."""
    array = config.array
    return Machine(
        rows=array.rows,
        cols=array.cols,
        lanes=array.lanes,
        planes=array.planes,
        max_reduction=array.max_reduction,
        groups=config.groups,
        depth=config.depth,
        bus_bytes=config.bus_bytes,
        configuration=config.configuration,
    )


def ways_to_run(network: Network) -> tuple[Steps, ...]:
    """A network's operations, once for each packing of the image.

    Shortcuts that are only added are folded into what adds them. But the map that they read must
    stay on chip so much longer that there are ways too in which they are operations.

    Raises
    ------
    ValueError
        If a layer asks for what the NPU lacks: names the layer.
    """
    folds = (True, False) if folded_shortcuts(network) else (True,)
    pairs = product(packings(network), folds)
    return tuple(network_steps(network, packing, folds=fold) for packing, fold in pairs)


def planners(
    ways: Sequence[Steps], config: NpuConfig, widths: Sequence[Widths]
) -> Sequence[Planner]:
    """Those who can plan a network for an NPU, one for each way to run it."""
    machine = machine_of(config)
    return [
        Planner(steps, choose_layouts(steps, machine), machine, Estimate(config, machine, widths))
        for steps in ways
    ]


def plan_network(ways: Sequence[Steps], config: NpuConfig, widths: Sequence[Widths]) -> Plan:
    """All maps on chip, but for an image that comes by bands; else what fits goes by bands.

    Of all that is possible it is what takes the fewest estimated cycles, all settings together.

    Raises
    ------
    NoRoomError
        If the network does not fit, not even by bands: names the layer, what it needs and what
        there is.
    """
    found = planners(ways, config, widths)
    each = [plan for planner in found for plan in (planner.resident(), planner.streamed())]
    plans = [plan for plan in each if plan is not None]
    if plans:
        return min(plans, key=lambda plan: sum(plan.cycles))
    refusals = []
    for planner in found:
        try:
            plans.append(planner.banded())
        except NoRoomError as error:
            refusals.append(error)
    if not plans:
        raise refusals[-1]
    return min(plans, key=lambda plan: sum(plan.cycles))
