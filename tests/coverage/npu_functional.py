"""Situations of the NPU that the programs must have met, counted from their descriptors."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product

from tests.coverage.npu import CONFIG, Played
from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    Operation,
    ProgramFault,
    Region,
    unpack_descriptor,
)
from truncmac.sim.npu.stimulus import WIDTHS
from truncmac.sim.rtl.npu.runs import ProgramOutcome, ProgramRun

__all__ = ["GROUPS", "covered_by_programs"]

Values = Mapping[str, int]
OPERATIONS = ("LOAD", "STORE", "CONV", "POOL", "SHORTCUT")
COMPUTES = ("STORE", "CONV", "POOL", "SHORTCUT")  # a LOAD of the image comes first
PAUSES = ("none", "by a rule", "random")
OUTPUTS = ("sums", "codes", "codes with residual")
SIZES = ("1", "more")
PADS = ("none", "some")
POOLS = ("largest", "mean")
FILLED = ("less than a word", "whole words", "words and a part")
TILES = range(CONFIG.array.rows.bit_length())
FAULTS = tuple(fault.name for fault in ProgramFault)

# A group's points: every combination of what is named
GROUPS: Mapping[str, Sequence[Sequence[object]]] = {
    "operation x pauses": (OPERATIONS, PAUSES),
    "operation after operation": (COMPUTES, COMPUTES),
    "k x outputs": (WIDTHS, OUTPUTS),
    "kernel x stride": (SIZES, SIZES),
    "stride x pads": (SIZES, PADS),
    "input tiles x output tiles": (TILES, TILES),
    "input channels x output channels": (FILLED, FILLED),
    "input group x output group, from it on": (range(CONFIG.groups), range(1, CONFIG.groups)),
    "pool x stride": (POOLS, SIZES),
    "largest pool: stride x pads": (SIZES, PADS),
    "windows that are packed: pads": (PADS,),
    "fault": (FAULTS,),
}


def covered_by_programs(
    plays: Sequence[Played], outcomes: Sequence[Sequence[ProgramOutcome]]
) -> Mapping[str, Mapping[tuple, int]]:
    """How often each point of each group was met; 0 for one that never was."""
    counts = {
        name: Counter({point: 0 for point in product(*axes)}) for name, axes in GROUPS.items()
    }
    for played, ends in zip(plays, outcomes, strict=True):
        for run, end in zip(played.runs, ends, strict=True):
            counts["fault"][(end.fault.name,)] += 1
            if not end.ended:
                continue
            found = list(_operations(run))
            for name, values in found:
                for group, point in _points(name, values, _pauses(played)):
                    if point in counts[group]:  # a layer may have a k of its own
                        counts[group][point] += 1
            for (before, _), (after, _) in pairwise(found):
                if before in COMPUTES and after in COMPUTES:
                    counts["operation after operation"][before, after] += 1
    return counts


def _operations(run: ProgramRun) -> Iterator[tuple[str, Values]]:
    """Descriptors of a program between BEGIN and END."""
    program, offset = run.regions[Region.PROGRAM], run.entry + DESCRIPTOR_BYTES
    while True:
        data = program[offset : offset + DESCRIPTOR_BYTES].tobytes()
        operation, values = unpack_descriptor(data)
        if operation == Operation.END:
            return
        yield Operation(operation).name, values
        offset += DESCRIPTOR_BYTES


def _points(name: str, values: Values, pauses: str) -> Iterator[tuple[str, tuple]]:
    """Groups and points that an operation meets."""
    yield "operation x pauses", (name, pauses)
    if name not in ("CONV", "POOL", "LOAD"):
        return
    kernel = SIZES[values["kernel_x"] * values["kernel_y"] > 1]
    stride = SIZES[values["stride_x"] * values["stride_y"] > 1]
    pads = PADS[values["pad_left"] + values["pad_top"] > 0]
    if name == "LOAD":
        if kernel == "more":
            yield "windows that are packed: pads", (pads,)
    elif name == "POOL":
        yield "pool x stride", (POOLS[values["mean"]], stride)
        if not values["mean"]:
            yield "largest pool: stride x pads", (stride, pads)
    else:
        outputs = "sums" if values["raw"] else OUTPUTS[1 + values["residual"]]
        yield "k x outputs", (values["bits"], outputs)
        yield "kernel x stride", (kernel, stride)
        yield "stride x pads", (stride, pads)
        channels = values["input_channels"], values["output_channels"]
        sizes = CONFIG.array.lanes, CONFIG.array.cols
        yield "input channels x output channels", tuple(map(_filled, channels, sizes))
        if not values["raw"]:
            tiles = values["input_map_tile_x"], values["output_map_tile_x"]
            yield "input tiles x output tiles", tiles
            group = values["input_map_group"]
            further = (values["output_map_group"] - group) % CONFIG.groups
            yield "input group x output group, from it on", (group, further)


def _filled(channels: int, size: int) -> str:
    if channels < size:
        return FILLED[0]
    return FILLED[1 + (channels % size > 0)]


def _pauses(played: Played) -> str:
    if played.pauses.shares:
        return "random"
    return "by a rule" if played.pauses.gaps or played.pauses.latency > 1 else "none"
