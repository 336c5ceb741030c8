"""Compiles a network for one NPU: one image of the weights, and a short program for each k."""

from collections.abc import Mapping, Sequence
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
    MapPlace,
    Network,
    Setting,
    layer_bits,
    requantisation,
)
from truncmac.golden.product import scales
from truncmac.golden.types import Integers
from truncmac.hw.npu.config import NpuConfig

from ..axi.memories import check_requantisation
from .compiled import Compiled, Entry, Kept
from .encode import product_values, step_bytes, store_bytes
from .layouts import Layouts, accesses, choose_layouts
from .placement import place_maps
from .region import RegionWriter
from .steps import Step, Steps, network_steps, packings
from .weights import parameter_bytes, weight_bytes, weights_pitch

__all__ = ["compile_network", "machine_of"]

MOST_BYTES = 1 << 30  # of a region: an address has 30 bits
Widths = Mapping[str, tuple[int, int]]  # by layer: k of its weights, k of its parameters


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
        If the network does not fit the NPU: names the layer, what it needs and what there is.
    """
    machine = machine_of(config)
    steps, places = _placed(network, machine)
    _check_reductions(steps, config)
    widths = [layer_bits(network, setting.bits) for setting in settings]
    kept, scratch_bytes = _kept(steps) if keep else ({}, 0)
    last = steps.steps[-1]
    sizes = {
        "input_bytes": prod(steps.steps[0].source_shape),
        "output_bytes": prod(last.shape) * (SUM_BYTES if last.raw else 1),
        "scratch_bytes": scratch_bytes,
    }

    region = RegionWriter(machine.bus_bytes)
    count = len(steps.steps) + len(kept) + 2
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
    stores = {
        name: store_bytes(entry.shape, places[name], to_address(Region.SCRATCH, entry.offset))
        for name, entry in kept.items()
    }
    programs = []
    for found in widths:
        parts = [pack_descriptor(Operation.BEGIN, begin)]
        for step in steps.steps:
            values = _values(step, found, parameters, weights, machine)
            parts.append(step_bytes(step, places, values))
            if step.target in stores:
                parts.append(stores[step.target])
        programs.append(b"".join([*parts, pack_descriptor(Operation.END, {})]))
    return Compiled(
        network=network,
        config=config,
        steps=steps,
        places=places,
        entries=[
            Entry(setting, offset, *_scales(network, last, found))
            for setting, offset, found in zip(settings, begins, widths, strict=True)
        ],
        program=region.joined(programs),
        sections=region.sections,
        kept=kept,
        **sizes,
    )


def _placed(network: Network, machine: Machine) -> tuple[Steps, dict[str, MapPlace]]:
    """Operations and places with the packing of the image that takes the fewest accesses."""
    ways: list[tuple[int, int, Steps, Layouts]] = []
    for packing in packings(network):
        steps = network_steps(network, packing)
        layouts = choose_layouts(steps, machine)
        ways.append((accesses(steps, layouts, machine), len(ways), steps, layouts))
    refusal: ValueError | None = None
    for _, _, steps, layouts in sorted(ways, key=lambda way: way[:2]):
        try:
            return steps, place_maps(steps, layouts, machine)
        except ValueError as error:
            refusal = error
    raise refusal or ValueError("A network must have layers")


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


def _kept(steps: Steps) -> tuple[dict[str, Kept], int]:
    """Where each map is kept in the scratch region, and the bytes of all."""
    kept, end = {}, 0
    for name, shape in steps.maps.items():
        kept[name] = Kept(end, shape)
        end += prod(shape)
    return kept, end


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
    step: Step,
    widths: Widths,
    parameters: Mapping[tuple[str, int], int],
    weights: Mapping[str, int],
    machine: Machine,
) -> dict[str, int]:
    """The fields that only a layer of weights has."""
    if step.layer is None:
        return {}
    bits, own = widths[step.name]
    pitch = weights_pitch(step.beats(machine.lanes), machine)
    values = product_values(step, bits, pitch=pitch)
    values["weights"] = to_address(Region.PROGRAM, weights[step.name])
    values["parameters"] = (
        to_address(Region.OUTPUT, 0)
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
