"""Interprets a program of the NPU on a model of its memories: the reference of the hardware.

It computes with NumPy alone, from the bytes of the program, and shares nothing with the compiler
but the format. Every byte that the NPU leaves in memory is the one that is left here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FORMAT_VERSION,
    MAGIC,
    PARAMETER_BYTES,
    PARAMETER_FIELDS,
    SUM_BYTES,
    Operation,
    ProgramFault,
    Region,
    split_address,
    unpack_descriptor,
)
from truncmac.integers import ceil_div

from .legality import Values, check_operation, place_of, residual_shape, shape_of, strides_of
from .maps import ActivationMemory, Machine, MapPlace, ProgramError
from .quantise import WEIGHT_BITS
from .requantise import Requantisation, requantise
from .types import Array, Codes, Integers, Pair, Shape

__all__ = ["Traffic", "interpret"]


@dataclass
class Traffic:
    """Bytes that a program reads and writes of memory.

    Attributes
    ----------
    descriptors, weights, parameters, loads : read
    stores : written, codes and raw sums
    """

    descriptors: int = 0
    weights: int = 0
    parameters: int = 0
    loads: int = 0
    stores: int = 0


@dataclass
class _Span:
    """Words of a group, or bytes of a region, that an operation reads or writes."""

    place: tuple[str, int]
    first: int
    end: int
    written: bool

    def disturbs(self, other: "_Span") -> bool:
        """Whether one writes what the other reads or writes."""
        apart = self.end <= other.first or other.end <= self.first
        return self.place == other.place and not apart and (self.written or other.written)


@dataclass
class _State:
    """Memories while a program runs, and what runs beside."""

    machine: Machine
    regions: Mapping[Region, Codes]
    maps: ActivationMemory
    traffic: Traffic = field(default_factory=Traffic)
    beside: list[_Span] = field(default_factory=list)
    spans: list[_Span] = field(default_factory=list)

    def bytes_at(self, address: int, count: int, *, write: bool = False) -> Codes:
        """`count` bytes of memory, as a view."""
        region, offset = split_address(address)
        data = self.regions[region]
        if offset + count > len(data) or (write and region in (Region.PROGRAM, Region.INPUT)):
            verb = "writes" if write else "reads"
            raise ProgramError(
                f"{verb} bytes {offset} to {offset + count - 1} of the {region.name.lower()} "
                f"region, of {len(data)} bytes",
                ProgramFault.ADDRESS,
            )
        self.spans.append(_Span(("region", region), offset, offset + count, write))
        return data[offset : offset + count]

    def read_map(self, values: Values, role: str, shape: Shape) -> Codes:
        """The codes of a map, (H, W, C)."""
        place = place_of(values, role)
        self._note(place, shape, written=False)
        return self.maps.read(place, shape)

    def write_map(self, values: Values, role: str, codes: Codes) -> None:
        """Write a map (H, W, C)."""
        place = place_of(values, role)
        self._note(place, codes.shape, written=True)
        self.maps.write(place, codes)

    def read_residual(self, values: Values) -> Codes:
        """The codes that a convolution adds, (H, W, C) of its output.

        They are those of every stride-th pixel, and 0 for channels that the residual map lacks.
        """
        place, shape = place_of(values, "residual"), residual_shape(values)
        target, given = place_of(values, "output"), shape_of(values, "output")
        same = place == target and shape == given
        if not same and self._span(place, shape).disturbs(self._span(target, given, written=True)):
            raise ProgramError(
                f"residual and output share words of group {place.group}, where a residual must "
                "have the output's place, sizes and channels, and no stride"
            )
        self._note(place, shape, written=False)
        found = np.zeros(given, np.uint8)
        found[..., : shape[2]] = self.maps.read(place, shape, strides_of(values))
        return found

    def _note(self, place: MapPlace, shape: Shape, *, written: bool) -> None:
        self.spans.append(self._span(place, shape, written=written))

    def _span(self, place: MapPlace, shape: Shape, *, written: bool = False) -> _Span:
        end = place.base + place.words(shape, self.machine)
        return _Span(("group", place.group), place.base, end, written)

    def settle(self, values: Values) -> None:
        """Check that the operation did not disturb those that run beside it."""
        for span in self.spans:
            for other in self.beside:
                if span.disturbs(other):
                    raise ProgramError(
                        f"touches {span.place[0]} {span.place[1]}, which an operation that runs "
                        "beside it still reads or writes; it must wait"
                    )
        if values.get("beside"):
            self.beside += self.spans
        self.spans = []


def interpret(
    machine: Machine,
    regions: Mapping[Region, Codes],
    *,
    entry: int = 0,
    on_operation: Callable[[int, Operation], None] | None = None,
) -> Traffic:
    """Run a program to its END.

    Parameters
    ----------
    machine : the NPU
    regions : the bytes of all four regions, uint8 arrays; output and scratch are written in place
    entry : where the program's BEGIN is in its region, in bytes
    on_operation : called with index and operation of each descriptor that has taken effect

    Returns
    -------
    what it read and wrote

    Raises
    ------
    ProgramError
        If the program is not for this machine, or wrong: with the descriptor's index and, where
        the hardware sees it, the fault that it reports.
    """
    state = _State(machine, regions, ActivationMemory(machine))
    index = 0
    while True:
        try:
            data = _descriptor(state, entry + index * DESCRIPTOR_BYTES)
            operation, values = unpack_descriptor(data)
            if (index == 0) != (operation == Operation.BEGIN):
                raise ProgramError("a program has one BEGIN, its first", ProgramFault.FORMAT)
            if operation not in RUN:
                raise ProgramError(f"{operation!r} is no operation", ProgramFault.OPERATION)
            check_operation(Operation(operation), values, state.machine)
            if values.get("wait"):
                state.beside = []
            RUN[Operation(operation)](state, values)
            state.settle(values)
        except ProgramError as error:
            raise ProgramError(str(error), error.fault, index) from None
        if on_operation:
            on_operation(index, Operation(operation))
        if operation == Operation.END:
            return state.traffic
        index += 1


def _descriptor(state: _State, offset: int) -> bytes:
    program = state.regions[Region.PROGRAM]
    if offset + DESCRIPTOR_BYTES > len(program):
        raise ProgramError("the program has no END", ProgramFault.ADDRESS)
    state.traffic.descriptors += DESCRIPTOR_BYTES
    return program[offset : offset + DESCRIPTOR_BYTES].tobytes()


def _begin(state: _State, values: Values) -> None:
    if values["magic"] != MAGIC or values["version"] != FORMAT_VERSION:
        raise ProgramError(
            f"the program must be of format {FORMAT_VERSION}, not {values['version']} "
            f"({values['magic']:#x})",
            ProgramFault.FORMAT,
        )
    if values["configuration"] != state.machine.configuration:
        raise ProgramError(
            f"the program is for configuration {values['configuration']:#010x}, and the NPU is "
            f"{state.machine.configuration:#010x}",
            ProgramFault.CONFIGURATION,
        )
    for region in Region:
        need, has = values[f"{region.name.lower()}_bytes"], len(state.regions[region])
        if need > has:
            raise ProgramError(
                f"the program needs {need} bytes of the {region.name.lower()} region, which has "
                f"{has}",
                ProgramFault.SPACE,
            )


def _end(state: _State, values: Values) -> None:
    state.beside = []


def _load(state: _State, values: Values) -> None:
    shape = shape_of(values, "input")
    row = shape[1] * shape[2]
    image = np.stack(
        [state.bytes_at(values["address"] + y * values["pitch"], row) for y in range(shape[0])]
    )
    state.traffic.loads += image.size
    taps = _windows(image.reshape(shape), values, (1, 1))
    state.write_map(values, "output", taps.reshape(shape_of(values, "output")))


def _store(state: _State, values: Values) -> None:
    shape = shape_of(values, "input")
    codes = state.read_map(values, "input", shape).reshape(shape[0], -1)
    for y, row in enumerate(codes):
        address = values["address"] + y * values["pitch"]
        state.bytes_at(address, row.size, write=True)[:] = row
    state.traffic.stores += codes.size


def _conv(state: _State, values: Values) -> None:
    machine, (height, width, channels) = state.machine, shape_of(values, "input")
    columns, pixels = values["output_channels"], values["output_height"] * values["output_width"]
    blocks = ceil_div(channels, machine.lanes)
    beats = values["kernel_y"] * values["kernel_x"] * blocks
    shape = shape_of(values, "output")
    if values["raw"]:
        place = state.bytes_at(values["parameters"], SUM_BYTES * prod(shape), write=True)
    codes = state.read_map(values, "input", (height, width, channels))
    dilation = values["dilation_y"], values["dilation_x"]
    activations = _windows(codes, values, dilation).reshape(pixels, -1)
    weights = _weights(state, values, beats).reshape(beats // blocks, blocks * machine.lanes, -1)
    matrix = weights[:, :channels].reshape(-1, weights.shape[2])[:, :columns]
    # Whole numbers below 2**53: float64 holds every partial sum
    dots = (activations.astype(np.float64) @ matrix.astype(np.float64)).astype(np.int64)
    row_sums = activations.sum(axis=1, dtype=np.int64)
    sums = 2 * dots - values["offset"] * row_sums[:, None]
    if values["raw"]:
        place[:] = np.frombuffer(sums.astype(f"<i{SUM_BYTES}").tobytes(), np.uint8)
        state.traffic.stores += len(place)
        return
    added = state.read_residual(values) if values["residual"] else None
    state.write_map(values, "output", _finished(state, values, sums, added).reshape(shape))


def _weights(state: _State, values: Values, beats: int) -> Codes:
    """ck of every column tile, (beats, lanes, columns), from the prefix that k bits need."""
    machine, bits = state.machine, values["bits"]
    chunks = ceil_div(bits, machine.planes)
    size = chunks * beats * machine.weight_word_bytes
    tiles = []
    for tile in range(ceil_div(values["output_channels"], machine.cols)):
        data = state.bytes_at(values["weights"] + tile * values["weights_pitch"], size)
        state.traffic.weights += size
        word = np.unpackbits(data.reshape(chunks, beats, -1), axis=2, bitorder="little")
        word = word[..., : machine.cols * machine.lanes * machine.planes]
        parts = word.reshape(chunks, beats, machine.cols, machine.lanes, machine.planes)
        # The most significant chunk comes first; in a chunk, plane 0 is the lowest bit
        weight: Array = np.zeros((), np.uint16)
        for chunk in parts:
            for plane in reversed(range(machine.planes)):
                weight = weight << 1 | chunk[..., plane]
        tiles.append(weight >> (chunks * machine.planes - bits))
    found: Codes = np.concatenate(tiles, axis=1).transpose(0, 2, 1).astype(np.uint8)
    return found


def _finished(state: _State, values: Values, sums: Integers, added: Codes | None) -> Codes:
    """The output codes of sums (pixels, N)."""
    columns = values["output_channels"]
    data = state.bytes_at(values["parameters"], columns * PARAMETER_BYTES).tobytes()
    state.traffic.parameters += len(data)
    found: dict[str, list[int]] = {entry.name: [] for entry in PARAMETER_FIELDS}
    for start in range(0, len(data), PARAMETER_BYTES):
        number = int.from_bytes(data[start : start + PARAMETER_BYTES], "little")
        for entry in PARAMETER_FIELDS:
            value = number >> entry.low & ((1 << entry.width) - 1)
            if entry.signed and value >> (entry.width - 1):
                value -= 1 << entry.width
            found[entry.name].append(value)
    arrays = {name: np.array(numbers, np.int64) for name, numbers in found.items()}
    params = Requantisation(
        multiplier=arrays["multiplier"],
        bias=arrays["bias"],
        shift=arrays["shift"],
        out_bits=WEIGHT_BITS,
        residual_multiplier=None if added is None else arrays["residual_multiplier"],
    )
    residual = None if added is None else added.reshape(-1, columns)
    return np.minimum(requantise(sums, params, residual), np.uint8(values["limit"]))


def _pool(state: _State, values: Values) -> None:
    shape = shape_of(values, "output")
    codes = state.read_map(values, "input", shape_of(values, "input"))
    windows = _windows(codes, values, (1, 1)).reshape(*shape[:2], -1, codes.shape[2])
    if values["mean"]:
        doubled = 2 * windows.sum(axis=2, dtype=np.int64) + windows.shape[2]
        result = (doubled * values["reciprocal"] >> values["shift"]).astype(np.uint8)
    else:
        result = windows.max(axis=2)
    state.write_map(values, "output", result)


def _shortcut(state: _State, values: Values) -> None:
    codes = state.read_map(values, "input", shape_of(values, "input"))
    shape = shape_of(values, "output")
    kept = codes[:: values["stride_y"], :: values["stride_x"]][: shape[0], : shape[1]]
    result = np.zeros(shape, np.uint8)  # beyond the input's pixels and channels it is 0
    result[: kept.shape[0], : kept.shape[1], : kept.shape[2]] = kept
    state.write_map(values, "output", result)


def _windows(codes: Codes, values: Values, dilation: Pair) -> Array:
    """The codes of each window, (OH, OW, KY * KX, C), of a map (H, W, C)."""
    (height, width, channels), (high, wide, _) = codes.shape, shape_of(values, "output")
    y = _taps(high, values["stride_y"], values["kernel_y"], dilation[0], values["pad_top"])
    x = _taps(wide, values["stride_x"], values["kernel_x"], dilation[1], values["pad_left"])
    inside_y, inside_x = (y >= 0) & (y < height), (x >= 0) & (x < width)
    found = codes[(y * inside_y)[:, None, :, None], (x * inside_x)[:, None]]
    inside = inside_y[:, None, :, None] & inside_x[:, None]
    found = np.where(inside[..., None], found, np.uint8(values["pad_code"]))
    return found.reshape(high, wide, -1, channels)


def _taps(count: int, stride: int, kernel: int, dilation: int, pad: int) -> npt.NDArray[np.intp]:
    """The input's row or column of each tap of each window, (windows, taps)."""
    return np.arange(count)[:, None] * stride + np.arange(kernel) * dilation - pad


RUN: Mapping[Operation, Callable[[_State, Values], None]] = {
    Operation.BEGIN: _begin,
    Operation.END: _end,
    Operation.LOAD: _load,
    Operation.STORE: _store,
    Operation.CONV: _conv,
    Operation.POOL: _pool,
    Operation.SHORTCUT: _shortcut,
}
