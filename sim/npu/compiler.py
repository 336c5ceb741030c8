"""Compiles a network for one NPU: one image of the weights, and a short program for each k."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FIELDS,
    FORMAT_VERSION,
    MAGIC,
    SUM_BYTES,
    Operation,
    Region,
    map_field,
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
    shapes,
    weight_offset,
)
from truncmac.golden.types import AnyIntegers, Codes, Integers, Shape
from truncmac.hw.npu.config import NpuConfig
from truncmac.integers import ceil_div

from ..axi.memories import check_requantisation
from .layouts import accesses, choose_layouts
from .means import reciprocal
from .placement import place_maps
from .steps import Step, Steps, network_steps, packings
from .weights import aligned, parameter_bytes, weight_bytes, weights_pitch

__all__ = ["Compiled", "Entry", "Kept", "Section", "compile_network", "machine_of"]


MOST_BYTES = 1 << 30  # of a region: an address has 30 bits


@dataclass(frozen=True)
class Section:
    """A part of the program's region: what it holds, where it begins, and its bytes."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Entry:
    """A program.

    Attributes
    ----------
    setting : its k, or k of each layer
    offset : of its BEGIN in the program's region, in bytes
    multiplier, bias : with which sums S become logits, int64 (N,); None if the output is codes
    """

    setting: Setting
    offset: int
    multiplier: Integers | None
    bias: Integers | None


@dataclass(frozen=True)
class Kept:
    """A map that debug stores leave in the scratch region: its first byte, and (H, W, C)."""

    offset: int
    shape: Shape


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network for one NPU.

    Attributes
    ----------
    network : what was compiled
    config : the NPU
    steps : the operations, in order
    places : where each map lies, by name
    entries : the programs, in the order of the settings
    program : the bytes of the program's region
    sections : its parts, in order
    input_bytes, output_bytes, scratch_bytes : that a program needs of the other regions
    kept : the maps that debug stores leave in the scratch region, by name
    """

    network: Network
    config: NpuConfig
    steps: Steps
    places: Mapping[str, MapPlace]
    entries: Sequence[Entry]
    program: bytes
    sections: Sequence[Section]
    input_bytes: int
    output_bytes: int
    scratch_bytes: int
    kept: Mapping[str, Kept]

    def input_of(self, image: Codes) -> Codes:
        """The bytes of the input region for an image, uint8 (C, H, W)."""
        return np.ascontiguousarray(image.transpose(1, 2, 0)).reshape(-1)

    def output_of(self, entry: Entry, output: Codes) -> AnyIntegers:
        """The network's output, without the batch, from the bytes of the output region.

        Logits are M S + B, int64; other outputs are uint8 codes.
        """
        last = self.steps.steps[-1]
        channels_last: AnyIntegers
        if entry.multiplier is None or entry.bias is None:
            channels_last = output[: self.output_bytes].reshape(last.shape)
        else:
            sums = output[: self.output_bytes].view(f"<i{SUM_BYTES}").reshape(last.shape).astype(np.int64)
            channels_last = sums * entry.multiplier + entry.bias
        return channels_last.transpose(2, 0, 1).reshape(
            shapes(self.network)[self.network.layers[-1].name]
        )


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
    network: Network, config: NpuConfig, settings: Sequence[Setting], *, keep: bool = False
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
    writer = _Writer(network, config, machine, steps, places, keep)
    return writer.compiled(settings)


def _placed(network: Network, machine: Machine) -> tuple[Steps, dict[str, MapPlace]]:
    """Operations and places with the packing of the image that takes the fewest accesses."""
    ways = []
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
        if step.layer is None:
            continue
        if beats_of(step, config.array.lanes) > config.array.max_beats:
            reduction = beats_of(step, config.array.lanes) * config.array.lanes
            raise ValueError(
                f"Layer {step.name!r} has reduction K = {reduction} in whole beats; the array is "
                f"built for K up to {config.array.max_reduction}. Build it with --max-reduction "
                f"{reduction}"
            )


class _Writer:
    """Writes the region of a network's programs: programs first, then parameters and weights."""

    def __init__(
        self,
        network: Network,
        config: NpuConfig,
        machine: Machine,
        steps: Steps,
        places: Mapping[str, MapPlace],
        keep: bool,
    ) -> None:
        self.network, self.config, self.machine = network, config, machine
        self.steps, self.places = steps, places
        self.kept, self.scratch_bytes = self._kept() if keep else ({}, 0)
        self.sections: list[Section] = []
        self.data: list[bytes] = []
        self.end = 0
        last = steps.steps[-1]
        self.input_bytes = int(np.prod(steps.steps[0].source_shape))
        self.output_bytes = int(np.prod(last.shape)) * (SUM_BYTES if last.raw else 1)

    def _kept(self) -> tuple[dict[str, Kept], int]:
        kept, end = {}, 0
        for name, shape in self.steps.maps.items():
            kept[name] = Kept(end, shape)
            end += int(np.prod(shape))
        return kept, end

    def compiled(self, settings: Sequence[Setting]) -> Compiled:
        """All of it."""
        count = len(self.steps.steps) + len(self.kept) + 2
        begins = [self._room(f"program {setting.name}", count) for setting in settings]
        widths = [layer_bits(self.network, setting.bits) for setting in settings]
        parameters = self._parameters(widths)
        weights = {
            step.name: self._add(
                f"weights of {step.name}", weight_bytes(self.network, step, self.machine)
            )
            for step in self.steps.steps
            if step.layer is not None
        }
        if self.end > MOST_BYTES:
            raise ValueError(
                f"The program's region must be at most {MOST_BYTES} bytes, not {self.end}"
            )
        programs = [self._program(found, parameters, weights) for found in widths]
        return Compiled(
            network=self.network,
            config=self.config,
            steps=self.steps,
            places=self.places,
            entries=[
                Entry(setting, begin, *self._scales(found))
                for setting, begin, found in zip(settings, begins, widths, strict=True)
            ],
            program=b"".join([*programs, *self.data]),
            sections=self.sections,
            input_bytes=self.input_bytes,
            output_bytes=self.output_bytes,
            scratch_bytes=self.scratch_bytes,
            kept=self.kept,
        )

    def _room(self, name: str, descriptors: int) -> int:
        """Begin a program's section, which is filled when all addresses are known."""
        size = descriptors * DESCRIPTOR_BYTES
        self.sections.append(Section(name, self.end, size))
        self.end += size
        return self.end - size

    def _add(self, name: str, data: bytes) -> int:
        """Append a section, filled up to whole beats of the bus; its offset."""
        begin = self.end
        self.sections.append(Section(name, begin, len(data)))
        self.end += aligned(len(data), self.machine)
        self.data.append(data.ljust(self.end - begin, b"\0"))
        return begin

    def _parameters(
        self, widths: Sequence[Mapping[str, tuple[int, int]]]
    ) -> dict[tuple[str, int], int]:
        """Offset of each set of parameters, by layer and k of the set."""
        offsets: dict[tuple[str, int], int] = {}
        for found in widths:
            for step in self.steps.steps:
                key = (step.name, found[step.name][1]) if step.layer is not None else None
                if key is None or key in offsets or step.layer is None:
                    continue
                requant = requantisation(self.network, step.layer, key[1])
                if requant is not None:
                    check_requantisation(step.name, requant, self.config.array)
                    name = f"parameters of {step.name}, k = {key[1]}"
                    offsets[key] = self._add(name, parameter_bytes(step.name, requant))
        return offsets

    def _scales(
        self, widths: Mapping[str, tuple[int, int]]
    ) -> tuple[Integers | None, Integers | None]:
        """M and B of a last layer that gives logits."""
        last = self.steps.steps[-1]
        if not last.raw:
            return None, None
        prefix = f"{last.name}.b{widths[last.name][1]}"
        multiplier, bias = (
            self.network.tensors[f"{prefix}.{name}"].astype(np.int64)
            for name in ("multiplier", "bias")
        )
        return multiplier, bias

    def _program(
        self,
        widths: Mapping[str, tuple[int, int]],
        parameters: Mapping[tuple[str, int], int],
        weights: Mapping[str, int],
    ) -> bytes:
        """The descriptors of one setting."""
        found = [self._begin()]
        for step in self.steps.steps:
            values: dict[str, int] = {}
            if step.layer is not None:
                bits, own = widths[step.name]
                values = self._product(step, bits)
                values["weights"] = to_address(Region.PROGRAM, weights[step.name])
                values["parameters"] = to_address(
                    *(Region.OUTPUT, 0)
                    if step.raw
                    else (Region.PROGRAM, parameters[step.name, own])
                )
            found.append(self._descriptor(step, values))
            if step.target in self.kept:
                found.append(self._debug_store(step.target))
        found.append(pack_descriptor(Operation.END, {}))
        return b"".join(found)

    def _begin(self) -> bytes:
        return pack_descriptor(
            Operation.BEGIN,
            {
                "version": FORMAT_VERSION,
                "magic": MAGIC,
                "configuration": self.config.configuration,
                "descriptors": len(self.steps.steps) + len(self.kept) + 2,
                "program_bytes": self.end,
                "input_bytes": self.input_bytes,
                "output_bytes": self.output_bytes,
                "scratch_bytes": self.scratch_bytes,
            },
        )

    def _product(self, step: Step, bits: int) -> dict[str, int]:
        """What a CONV has more than other operations, without addresses."""
        layer = step.layer
        if layer is None:
            return {}
        return {
            "raw": step.raw,
            "residual": step.residual is not None,
            "bits": bits,
            "offset": weight_offset(bits, layer.offset),
            "limit": 0 if layer.out_bits is None else (1 << layer.out_bits) - 1,
            "dilation_x": 1,
            "dilation_y": 1,
            "weights_pitch": weights_pitch(beats_of(step, self.machine.lanes), self.machine),
        }

    def _descriptor(self, step: Step, values: dict[str, int]) -> bytes:
        """The 64 bytes of a step; raises ValueError, naming the layer, if a size is too large."""
        names = {field.name for field in FIELDS[step.operation]}
        values |= {name: value for name, value in _sizes(step).items() if name in names}
        for role, name in (
            ("input", step.source),
            ("output", step.target),
            ("residual", step.residual),
        ):
            if name is not None:
                values |= map_values(role, self.places[name])
        if step.operation in (Operation.LOAD, Operation.STORE):
            load = step.operation == Operation.LOAD
            values["address"] = to_address(Region.INPUT if load else Region.OUTPUT, 0)
            values["pitch"] = step.source_shape[1] * step.source_shape[2]
        if step.mean:
            factor, shift = reciprocal(step.kernel[0] * step.kernel[1])
            values |= {"mean": 1, "reciprocal": factor, "shift": shift}
        try:
            return pack_descriptor(step.operation, values)
        except ValueError as error:
            raise ValueError(f"Layer {step.name!r} does not fit a descriptor: {error}") from None

    def _debug_store(self, name: str) -> bytes:
        kept = self.kept[name]
        height, width, channels = kept.shape
        return pack_descriptor(
            Operation.STORE,
            {
                "input_height": height,
                "input_width": width,
                "input_channels": channels,
                "address": to_address(Region.SCRATCH, kept.offset),
                "pitch": width * channels,
                **map_values("input", self.places[name]),
            },
        )


def beats_of(step: Step, lanes: int) -> int:
    """Beats of a step's reduction."""
    return step.kernel[0] * step.kernel[1] * ceil_div(step.source_shape[2], lanes)


def map_values(role: str, place: MapPlace) -> dict[str, int]:
    """The fields of a map in a descriptor."""
    return {map_field(role, name): value for name, value in asdict(place).items()}


def _sizes(step: Step) -> dict[str, int]:
    """Window and sizes of a step, by the names of their fields."""
    return {
        "pad_code": step.pad_code,
        "pad_top": step.padding[0],
        "pad_left": step.padding[1],
        "kernel_y": step.kernel[0],
        "kernel_x": step.kernel[1],
        "stride_y": step.stride[0],
        "stride_x": step.stride[1],
        "input_height": step.source_shape[0],
        "input_width": step.source_shape[1],
        "input_channels": step.source_shape[2],
        "output_height": step.shape[0],
        "output_width": step.shape[1],
        "output_channels": step.shape[2],
    }
