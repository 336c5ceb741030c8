"""The check gives each descriptor the fault with which the reference refuses it."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.programs import mapped, sizes
from tests.support import simulate_logic
from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FIELDS,
    FORMAT_VERSION,
    MAGIC,
    Operation,
    ProgramFault,
    Region,
    pack_descriptor,
    to_address,
    unpack_descriptor,
)
from truncmac.golden import MapPlace, ProgramError, interpret
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.descriptor import DescriptorCheck
from truncmac.sim.npu.planning import machine_of

CONFIGS = [
    NpuConfig(array=ArrayConfig(4, 8, 2, 1, 40, 4), depth=32),
    NpuConfig(array=ArrayConfig(1, 1, 1, 8, 9, 1), depth=64, groups=8, bus_width=256),
    NpuConfig(array=ArrayConfig(128, 2, 4, 2, 100, 1), depth=16, bus_width=128),
    NpuConfig(array=ArrayConfig(2, 4, 8, 4, 4608, 4), depth=1 << 16, groups=5),
]
OPERATIONS = [
    *(Operation.LOAD, Operation.STORE, Operation.CONV, Operation.POOL, Operation.SHORTCUT)
]
SIZES = (1 << 16, 1 << 14, 1 << 15, 1 << 12)
FULL = {f"{region.name.lower()}_bytes": SIZES[region] for region in Region}
BEGINS = [
    {},
    FULL,
    {"version": FORMAT_VERSION + 1},
    {"version": 0},
    {"magic": MAGIC ^ 1 << 31},
    {"configuration": 1},
    *({name: size + 1} for name, size in FULL.items()),
    *({name: (1 << 32) - 1} for name in FULL),
    {"magic": 0, "configuration": 0, "input_bytes": 1 << 31},
    {"configuration": 0, "input_bytes": 1 << 31},
]
RUNTIME = {None, ProgramFault.ADDRESS}  # is found while an operation runs, or not at all


def names(config):
    return config.array.name


def begin_values(config):
    return {"magic": MAGIC, "version": FORMAT_VERSION, "configuration": config.configuration}


def refused(config, descriptor, *, first):
    """The fault of the reference; those that need a run are no concern of the check."""
    parts = [] if first else [pack_descriptor(Operation.BEGIN, begin_values(config))]
    program = b"".join([*parts, descriptor, pack_descriptor(Operation.END, {})])
    regions = {region: np.zeros(size, np.uint8) for region, size in enumerate(SIZES)}
    regions[Region.PROGRAM][: len(program)] = np.frombuffer(program, np.uint8)
    try:
        interpret(machine_of(config), regions)
    except ProgramError as error:
        return ProgramFault.NONE if error.fault in RUNTIME else error.fault
    return ProgramFault.NONE


def said(config, descriptors, *, first):
    """What the check gives for each."""
    dut, found = DescriptorCheck(config), []

    async def testbench(ctx):
        ctx.set(dut.regions, [{"base": 0, "size": size} for size in SIZES])
        ctx.set(dut.first, first)
        for descriptor in descriptors:
            ctx.set(dut.descriptor, int.from_bytes(descriptor, "little"))
            found.append(ctx.get(dut.fault))

    simulate_logic(dut, testbench)
    return found


def placed(rng, shape, chip, group, phases=None):
    """Where a map may lie, to the end of its banks at times."""
    phases = rng.integers(0, 4, 2) if phases is None else phases
    tile_x = int(rng.integers(chip.row_bits + 1))
    place = MapPlace.packed(
        shape, chip, group=group, base=0, tile_x=tile_x, phases=tuple(int(n) for n in phases)
    )
    room = max(0, chip.depth - place.words(shape, chip))
    base = room if rng.random() < 0.5 else int(rng.integers(room + 1))
    return replace(place, base=base)


def right(rng, operation, chip):
    """Fields that are mostly right; maps that do not fit small memories are not."""
    groups = [int(n) for n in rng.permutation(chip.groups)[:3]]
    source, target = (tuple(int(n) for n in rng.integers(1, (5, 5, 9))) for _ in range(2))
    phases = rng.integers(0, 3, 2)
    strides = (1 << phases).tolist()
    if operation in (Operation.LOAD, Operation.POOL):
        target = source if operation == Operation.LOAD else (*target[:2], source[2])
    if operation == Operation.SHORTCUT:
        target = (*target[:2], source[2] + target[2])
    if operation == Operation.LOAD:
        strides = (1, 1)
    unit = 1 << int(rng.integers(3, 6))
    raw = int(rng.integers(2))
    shifts, fewer = rng.integers(0, 4, 2).tolist(), int(rng.integers(target[2])) + 1
    down, across = (((n - 1) << shift) + 1 for n, shift in zip(target[:2], shifts, strict=True))
    values = {
        **{"kernel_x": 1, "kernel_y": 1, "stride_y": strides[0], "stride_x": strides[1]},
        **{"dilation_x": 1, "dilation_y": 2, "bits": int(rng.integers(1, 9)), "limit": 255},
        **{"raw": raw, "residual": int(rng.integers(2)) if not raw else 0},
        **{"weights": 512 * unit, "weights_pitch": unit, "parameters": 1024 * unit},
        **{"address": to_address(Region.OUTPUT, 0), "pitch": 99},
        **sizes("input", source),
        **sizes("output", target),
        **mapped("input", placed(rng, source, chip, groups[0], phases)),
        **mapped("output", placed(rng, target, chip, groups[1])),
        **{"residual_shift_y": shifts[0], "residual_shift_x": shifts[1]},
        **mapped("residual", placed(rng, (down, across, fewer), chip, groups[2])),
        **{"residual_channels": fewer},
    }
    if raw:
        values["parameters"] = to_address(Region.OUTPUT, 4 * int(rng.integers(9)))
    names = {field.name for field in FIELDS[operation]}
    return {name: value for name, value in values.items() if name in names}


def changed(rng, operation, values):
    """The same with a few other fields: ends of their ranges, neighbours, or anything."""
    found = dict(values)
    fields = [field for field in FIELDS[operation] if field.name != "operation"]
    for index in rng.choice(len(fields), int(rng.integers(0, 3)), replace=False):
        field = fields[index]
        (least, most), old = field.limits, found.get(field.name, 0)
        anything = int(rng.integers(least, most + 1))
        edges = (0, 1, least, most, most - 1, old + 1, old - 1, old * 2, anything)
        found[field.name] = min(max(least, edges[rng.integers(len(edges))]), most)
    if "output_map_group" in found and "input_map_group" in found and rng.random() < 0.25:
        found["output_map_group"] = found["input_map_group"]
    if "raw" in found and rng.random() < 0.05:
        # Nothing else may be wrong with it
        found = dict(values) | {"raw": 1, "residual": 1, "parameters": to_address(Region.OUTPUT, 0)}
    if found.get("kernel_x", 0) * found.get("kernel_y", 0) > 255:
        found["kernel_y"] = 1  # the reference is to be fast
    return found


def check(operation, config, count):
    rng = np.random.default_rng(operation + config.configuration)
    chip = machine_of(config)
    drawn = [
        pack_descriptor(operation, changed(rng, operation, right(rng, operation, chip)))
        for _ in range(count)
    ]
    expected = [refused(config, descriptor, first=False) for descriptor in drawn]
    found = said(config, drawn, first=False)
    for descriptor, one, other in zip(drawn, found, expected, strict=True):
        assert one == other, unpack_descriptor(descriptor)
    counts = Counter(expected)
    # A LOAD or STORE has one map, so its groups cannot meet
    faults = {ProgramFault.NONE, ProgramFault.VALUE, ProgramFault.PLACE}
    if operation not in (Operation.LOAD, Operation.STORE):
        faults.add(ProgramFault.GROUPS)
    if chip.depth < 1 << 15:
        assert set(counts) == faults


@pytest.mark.parametrize("config", CONFIGS[:2], ids=names)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_random_operations(operation, config):
    check(operation, config, 120)


@pytest.mark.long
@pytest.mark.parametrize("config", CONFIGS, ids=names)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_more_random_operations(operation, config):
    check(operation, config, 400)


@pytest.mark.parametrize(
    ("operation", "side", "shape", "tile_x", "fault"),
    [
        (Operation.STORE, "input", (1, 1 << 14, 1023), 1, ProgramFault.NONE),
        (Operation.STORE, "input", (1, 1 << 14, 1024), 1, ProgramFault.VALUE),
        (Operation.CONV, "output", ((1 << 16) - 2, 2, 1), 1, ProgramFault.NONE),
        (Operation.CONV, "output", ((1 << 15) - 1, 2, 1), 0, ProgramFault.NONE),
        (Operation.CONV, "output", ((1 << 16) - 2, 3, 1), 0, ProgramFault.VALUE),
        (Operation.CONV, "output", (1 << 15, 3, 1), 1, ProgramFault.VALUE),
        (Operation.CONV, "output", (1 << 15, 4, 1), 1, ProgramFault.VALUE),
    ],
)
def test_rows_and_tiles_that_are_counted(operation, side, shape, tile_x, fault):
    """They fit a deep memory, so nothing else is wrong with them."""
    config = NpuConfig(array=ArrayConfig(2, 1, 128, 1, 999, 1), depth=1 << 16)
    values = right(np.random.default_rng(0), operation, machine_of(config))
    values |= sizes(side, shape) | {f"{side}_map_step_y": 1, "input_map_tile_x": tile_x}
    if operation == Operation.STORE:
        values |= {"input_map_step_x": 8, "input_map_phase_x": 0, "input_map_phase_y": 0}
    values[f"{side}_map_base"] = 0
    descriptor = pack_descriptor(operation, values)
    assert said(config, [descriptor], first=False) == [fault]
    assert refused(config, descriptor, first=False) == fault


@pytest.mark.parametrize("axis", "xy")
@pytest.mark.parametrize(("phase", "fault"), [(3, ProgramFault.NONE), (4, ProgramFault.PLACE)])
def test_a_reader_has_strides_up_to_8(axis, phase, fault):
    """The map has room for the words of 16 phases, so nothing else is wrong with it."""
    config = CONFIGS[0]
    values = right(np.random.default_rng(0), Operation.STORE, machine_of(config))
    place = {"base": 0, "step_x": 16, "step_y": 1, "tile_x": 0, "phase_x": 0, "phase_y": 0}
    place[f"phase_{axis}"] = phase
    values |= sizes("input", (1, 1, 1)) | {f"input_map_{name}": n for name, n in place.items()}
    descriptor = pack_descriptor(Operation.STORE, values)
    assert said(config, [descriptor], first=False) == [fault]
    assert refused(config, descriptor, first=False) == fault


@pytest.mark.parametrize("changes", BEGINS)
def test_begins(changes):
    config = CONFIGS[0]
    begin = pack_descriptor(Operation.BEGIN, begin_values(config) | changes)
    expected = refused(config, begin, first=True)
    assert said(config, [begin], first=True) == [expected]
    assert (expected == ProgramFault.NONE) == (changes in ({}, FULL))
    assert said(config, [begin], first=False) == [ProgramFault.FORMAT]


def test_the_first_is_a_begin_and_only_it():
    config = CONFIGS[0]
    descriptors = [bytes([number]) + bytes(DESCRIPTOR_BYTES - 1) for number in range(256)]
    for first in (False, True):
        expected = [refused(config, each, first=first) for each in descriptors]
        assert said(config, descriptors, first=first) == expected
        assert expected[Operation.END] == (ProgramFault.FORMAT if first else ProgramFault.NONE)
