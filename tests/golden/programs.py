"""Programs for the tests, put together by hand, and a convolution by its definition."""

import numpy as np

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FORMAT_VERSION,
    MAGIC,
    PARAMETER_FIELDS,
    Operation,
    Region,
    map_field,
    pack_descriptor,
    to_address,
)
from truncmac.golden import Machine, interpret

MACHINE = Machine(
    rows=4,
    cols=4,
    lanes=2,
    planes=1,
    max_reduction=400,
    groups=3,
    depth=256,
    bus_bytes=8,
    configuration=0x1234,
)
SIZE = 1 << 16  # of every region


class Memory:
    """The regions of a run, and a program that is put together operation by operation."""

    def __init__(self, machine=MACHINE):
        self.machine = machine
        self.regions = {region: np.zeros(SIZE, np.uint8) for region in Region}
        self.operations = []
        self.end = SIZE // 2  # data of the program's region

    def add(self, operation, **values):
        self.operations.append(pack_descriptor(operation, values))

    def data(self, data):
        """Put bytes into the program's region; their address."""
        begin = self.end
        self.regions[Region.PROGRAM][begin : begin + len(data)] = np.frombuffer(data, np.uint8)
        self.end += -(-len(data) // 32) * 32  # the widest bus
        return to_address(Region.PROGRAM, begin)

    def begin(self, **changes):
        values = {"version": FORMAT_VERSION, "magic": MAGIC, "configuration": 0x1234}
        return pack_descriptor(Operation.BEGIN, values | changes)

    def run(self, entry=0, begin=None, end=True, **options):
        parts = [begin or self.begin(), *self.operations]
        parts += [pack_descriptor(Operation.END, {})] if end else []
        code = np.frombuffer(b"".join(parts), np.uint8)
        assert len(code) == DESCRIPTOR_BYTES * len(parts)
        self.regions[Region.PROGRAM][entry : entry + len(code)] = code
        return interpret(self.machine, self.regions, entry=entry, **options)

    def load(self, codes, place, offset=0, **values):
        """LOAD a map (H, W, C) from the input's region."""
        size = codes.size
        self.regions[Region.INPUT][offset : offset + size] = codes.reshape(-1)
        plain = {"kernel_x": 1, "kernel_y": 1, "stride_x": 1, "stride_y": 1}
        plain |= sizes("input", codes.shape) | sizes("output", codes.shape)
        plain |= {"address": to_address(Region.INPUT, offset)}
        plain |= {"pitch": codes.shape[1] * codes.shape[2]}
        self.add(Operation.LOAD, **(plain | mapped("output", place) | values))

    def store(self, shape, place, offset=0, **values):
        """STORE a map (H, W, C) to the output's region."""
        plain = sizes("input", shape) | mapped("input", place)
        plain |= {"address": to_address(Region.OUTPUT, offset), "pitch": shape[1] * shape[2]}
        self.add(Operation.STORE, **(plain | values))

    def stored(self, shape, offset=0):
        """What a STORE has left."""
        size = int(np.prod(shape))
        return self.regions[Region.OUTPUT][offset : offset + size].reshape(shape)


def sizes(side, shape):
    names = ("height", "width", "channels")
    return {f"{side}_{name}": size for name, size in zip(names, shape, strict=True)}


def mapped(role, place):
    names = ("group", "base", "step_x", "step_y", "tile_x", "phase_x", "phase_y")
    return {map_field(role, name): getattr(place, name) for name in names}


def weight_memory(codes, machine, bits=8):
    """Weights (KY, KX, C, N) as they lie in memory, bit by bit, and the pitch of column tiles."""
    taps = codes.reshape(-1, *codes.shape[2:])
    channels, columns = taps.shape[1:]
    blocks = -(-channels // machine.lanes)
    beats = len(taps) * blocks
    chunks = 8 // machine.planes
    word = machine.cols * machine.lanes * machine.planes // 8
    pitch = -(-chunks * beats * word // machine.bus_bytes) * machine.bus_bytes
    memory = np.zeros((-(-columns // machine.cols), pitch), np.uint8)
    for tap in range(len(taps)):
        for channel in range(channels):
            beat, lane = tap * blocks + channel // machine.lanes, channel % machine.lanes
            for column in range(columns):
                tile, place = divmod(column, machine.cols)
                for bit in range(8):
                    chunk, plane = divmod(7 - bit, machine.planes)
                    plane = machine.planes - 1 - plane
                    number = (place * machine.lanes + lane) * machine.planes + plane
                    byte = (chunk * beats + beat) * word + number // 8
                    value = int(taps[tap, channel, column]) >> bit & 1
                    memory[tile, byte] |= value << number % 8
    return memory.tobytes(), pitch


def parameter_memory(**arrays):
    """Records of 16 bytes of the channels' parameters."""
    count = len(arrays["multiplier"])
    data = b""
    for index in range(count):
        number = 0
        for field in PARAMETER_FIELDS:
            value = int(arrays[field.name][index]) if field.name in arrays else 0
            number |= (value & ((1 << field.width) - 1)) << field.low
        data += number.to_bytes(16, "little")
    return data


def convolution(codes, weights, *, bits, offset, stride, dilation, padding, size, pad_code):
    """Sums S (OH, OW, N) of a map (H, W, C) and weight codes (KY, KX, C, N), by definition."""
    height, width, _ = codes.shape
    result = np.zeros((*size, weights.shape[3]), np.int64)
    for out_y, out_x in np.ndindex(size):
        for tap_y, tap_x in np.ndindex(weights.shape[:2]):
            y = out_y * stride[0] + tap_y * dilation[0] - padding[0]
            x = out_x * stride[1] + tap_x * dilation[1] - padding[1]
            inside = 0 <= y < height and 0 <= x < width
            pixel = codes[y, x] if inside else np.full(codes.shape[2], pad_code)
            real = 2 * (weights[tap_y, tap_x].astype(np.int64) >> (8 - bits)) - offset
            result[out_y, out_x] += pixel.astype(np.int64) @ real
    return result
