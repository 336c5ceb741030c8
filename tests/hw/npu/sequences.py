"""Programs for what reads and orders their operations, right ones and wrong ones."""

from tests.golden.programs import mapped, sizes
from truncmac.descriptors import (
    FIELDS,
    FORMAT_VERSION,
    MAGIC,
    Operation,
    ProgramFault,
    pack_descriptor,
)
from truncmac.golden import MapPlace
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.planning import machine_of

ARRAY = ArrayConfig(2, 4, 2, 1, 40, 4)
CONFIGS = [NpuConfig(array=ARRAY, depth=32, bus_width=width) for width in (64, 256)]
ALL = (Operation.LOAD, Operation.CONV, Operation.POOL, Operation.STORE, Operation.SHORTCUT)


def begin(config, **changes):
    values = {"version": FORMAT_VERSION, "magic": MAGIC, "configuration": config.configuration}
    return pack_descriptor(Operation.BEGIN, values | changes)


def descriptor(operation, config, number=0, **changes):
    """An operation that is right; its `number` tells it from others."""
    if operation == Operation.END:
        return pack_descriptor(operation, {})
    shape, chip = (1, 2, 3), machine_of(config)
    maps = [
        mapped(role, MapPlace.packed(shape, chip, group=group, base=0, tile_x=0))
        for group, role in enumerate(("input", "output", "residual"))
    ]
    ones = dict.fromkeys(("kernel_x", "kernel_y", "stride_x", "stride_y"), 1)
    values = ones | {"dilation_x": 1, "dilation_y": 1, "bits": 1, "pad_code": number % 256}
    values |= sizes("input", shape) | sizes("output", shape) | maps[0] | maps[1] | maps[2]
    values |= {"address": number, "pitch": number, "weights": 32 * number} | changes
    if operation == Operation.SHORTCUT:
        values["stride_x"] = number % 15 + 1
    names = {field.name for field in FIELDS[operation]}
    return pack_descriptor(operation, {n: v for n, v in values.items() if n in names})


def program(config, operations=ALL, rng=None):
    """A right program; `rng` draws what waits, what runs beside, and what leaves sums."""
    parts = []
    for number, operation in enumerate(operations):
        flags = rng.integers(0, 2, 3).tolist() if rng else (0, 0, 0)
        flags = dict(zip(("wait", "beside", "raw"), flags, strict=True))
        parts.append(descriptor(operation, config, number, **flags))
    return [begin(config), *parts, pack_descriptor(Operation.END, {})]


def wrong_programs(config):
    """Programs, each with what ends it."""
    end, parts = pack_descriptor(Operation.END, {}), program(config)
    yield [end], ProgramFault.FORMAT, 0
    yield [begin(config, version=FORMAT_VERSION + 1)], ProgramFault.FORMAT, 0
    yield [*parts[:2], begin(config)], ProgramFault.FORMAT, 2
    yield [begin(config, configuration=1)], ProgramFault.CONFIGURATION, 0
    yield [begin(config, scratch_bytes=(1 << 12) + 1)], ProgramFault.SPACE, 0
    for number in (0, Operation.ADD, 255):
        yield [*parts[:3], bytes([number]) + bytes(63)], ProgramFault.OPERATION, 3
    wrong = descriptor(Operation.CONV, config, bits=0)
    yield [parts[0], wrong], ProgramFault.VALUE, 1
    wrong = descriptor(Operation.POOL, config, output_map_group=0)
    yield [*parts[:4], wrong], ProgramFault.GROUPS, 4
    wrong = descriptor(Operation.STORE, config, input_map_base=32)
    yield [*parts[:5], wrong], ProgramFault.PLACE, 5
