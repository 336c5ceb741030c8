"""Compiles a network for one NPU: one image of the weights, and a short program for each k."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FORMAT_VERSION,
    MAGIC,
    SUM_BYTES,
    Operation,
    Region,
    pack_descriptor,
    to_address,
)
from truncmac.golden import (
    Machine,
    Network,
    Setting,
    check_rounding,
    layer_bits,
    requantisation,
)
from truncmac.golden.product import scales
from truncmac.golden.types import Integers
from truncmac.hw.npu.config import NpuConfig

from ..axi.memories import check_requantisation
from .actions import Action, actions_of
from .compiled import Compiled, Entry, Kept
from .encode import product_values, step_bytes
from .estimate import Widths
from .planning import machine_of, plan_network, ways_to_run
from .region import RegionWriter
from .steps import Step, Steps
from .weights import parameter_bytes, weight_bytes, weights_pitch

__all__ = ["compile_network"]

MOST_BYTES = 1 << 30  # of a region: an address has 30 bits


def compile_network(
    network: Network,
    config: NpuConfig,
    settings: Sequence[Setting],
    *,
    keep: bool = False,
) -> Compiled:
    """Compile a network for an NPU.

    Parameters
    ----------
    settings : a program is made for each
    keep : leave every map in the scratch region too, to be looked at

    Raises
    ------
    ValueError
        If the network does not fit the NPU, not even by bands of its maps: names the layer, what
        it needs and what there is.
    """
    check_rounding(network)
    machine = machine_of(config)
    widths = [layer_bits(network, setting.bits) for setting in settings]
    plan = plan_network(ways_to_run(network), config, widths)
    steps = plan.steps
    _check_reductions(steps, config)
    areas = _areas(steps, steps.maps if keep else plan.spilled)
    spilled = {name: areas[name] for name in plan.spilled}
    actions = actions_of(plan, machine, spilled, areas if keep else {})
    last = steps.steps[-1]
    sizes = {
        "input_bytes": prod(steps.steps[0].source_shape),
        "output_bytes": prod(last.shape) * (SUM_BYTES if last.raw else 1),
        "scratch_bytes": sum(prod(steps.maps[name]) for name in areas),
    }
    region = RegionWriter(machine.bus_bytes)
    count = len(actions) + 2
    begins = [
        region.reserve(f"program {setting.name}", count * DESCRIPTOR_BYTES) for setting in settings
    ]
    parameters = _add_parameters(region, network, config, steps, widths)
    weights = _add_weights(region, network, steps, machine)
    if region.size > MOST_BYTES:
        raise ValueError(
            f"The program's region must be at most {MOST_BYTES} bytes, not {region.size}: the "
            "network has too many weights"
        )
    begin = {
        "version": FORMAT_VERSION,
        "magic": MAGIC,
        "configuration": config.configuration,
        "descriptors": count,
        "program_bytes": region.size,
        **sizes,
    }
    programs = []
    for found in widths:
        parts = [pack_descriptor(Operation.BEGIN, begin)]
        for action in actions:
            values = _values(action, found, parameters, weights, machine)
            parts.append(step_bytes(action.step, action.places, {**action.values, **values}))
        programs.append(b"".join([*parts, pack_descriptor(Operation.END, {})]))
    return Compiled(
        network=network,
        config=config,
        plan=plan,
        entries=[
            Entry(setting, offset, *_scales(network, last, found))
            for setting, offset, found in zip(settings, begins, widths, strict=True)
        ],
        program=region.joined(programs),
        sections=region.sections,
        kept={name: Kept(areas[name], steps.maps[name]) for name in (areas if keep else {})},
        spilled={name: Kept(areas[name], steps.maps[name]) for name in plan.spilled},
        descriptors=count,
        **sizes,
    )


def _check_reductions(steps: Steps, config: NpuConfig) -> None:
    for step in steps.steps:
        beats = step.beats(config.array.lanes)
        if step.layer is not None and beats > config.array.max_beats:
            reduction = beats * config.array.lanes
            raise ValueError(
                f"Layer {step.name!r} has reduction K = {reduction} in whole beats; the array is "
                f"built for K up to {config.array.max_reduction}. Build it with --max-reduction "
                f"{reduction}"
            )


def _areas(steps: Steps, names: Iterable[str]) -> dict[str, int]:
    """The first byte of each map in the scratch region; none shares bytes with another."""
    areas, end = {}, 0
    for name in names:
        areas[name] = end
        end += prod(steps.maps[name])
    if end > MOST_BYTES:
        raise ValueError(
            f"The scratch region must be at most {MOST_BYTES} bytes, not {end}: the network's maps "
            "are too large"
        )
    return areas


def _add_parameters(
    region: RegionWriter,
    network: Network,
    config: NpuConfig,
    steps: Steps,
    widths: Sequence[Widths],
) -> dict[tuple[str, int], int]:
    """The offset of each set of parameters, by layer and k of the set."""
    offsets: dict[tuple[str, int], int] = {}
    for found in widths:
        for step in steps.steps:
            if step.layer is None or (step.name, found[step.name][1]) in offsets:
                continue
            own = found[step.name][1]
            requant = requantisation(network, step.layer, own)
            if requant is not None:
                check_requantisation(step.name, requant, config.array)
                data = parameter_bytes(step.name, requant)
                offsets[step.name, own] = region.add(f"parameters of {step.name}, k = {own}", data)
    return offsets


def _add_weights(
    region: RegionWriter, network: Network, steps: Steps, machine: Machine
) -> dict[str, int]:
    """The offset of each layer's weights."""
    return {
        step.name: region.add(f"weights of {step.name}", weight_bytes(network, step, machine))
        for step in steps.steps
        if step.layer is not None
    }


def _values(
    action: Action,
    widths: Widths,
    parameters: Mapping[tuple[str, int], int],
    weights: Mapping[str, int],
    machine: Machine,
) -> dict[str, int]:
    """The fields that only a layer of weights has."""
    step = action.step
    if step.layer is None:
        return {}
    bits, own = widths[step.name]
    pitch = weights_pitch(step.beats(machine.lanes), machine)
    values = product_values(step, bits, pitch=pitch)
    values["weights"] = to_address(Region.PROGRAM, weights[step.name])
    values["parameters"] = (
        to_address(Region.OUTPUT, action.sums)
        if step.raw
        else to_address(Region.PROGRAM, parameters[step.name, own])
    )
    return values


def _scales(
    network: Network, last: Step, widths: Widths
) -> tuple[Integers | None, Integers | None]:
    """M and B of a last layer that gives logits."""
    if last.layer is None or not last.raw:
        return None, None
    multiplier, bias, _ = scales(network, last.layer, widths[last.name][1])
    return multiplier, bias
