"""The NPU's program as it lies in memory: descriptors of 64 bytes, field by field.

Hardware, reference and compiler read this one table; it imports nothing of the project. A
program is a `BEGIN`, then operations in the order in which they take effect, then an `END`.
Numbers are little endian, and a field lies in one 32-bit word.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

__all__ = [
    "DESCRIPTOR_BYTES",
    "FIELDS",
    "FORMAT_VERSION",
    "MAGIC",
    "MAPS",
    "OFFSET_BITS",
    "OVERLAP_BEATS",
    "PARAMETER_BYTES",
    "PARAMETER_FIELDS",
    "ROW_BEATS",
    "ROW_BITS",
    "SUM_BYTES",
    "TILE_BITS",
    "DescriptorField",
    "Operation",
    "ParameterField",
    "ProgramFault",
    "Region",
    "map_field",
    "pack_descriptor",
    "split_address",
    "to_address",
    "unpack_descriptor",
]

FORMAT_VERSION = 2
MAGIC = 0x434D5254  # "TRMC"
DESCRIPTOR_BYTES = 64
WORD_BYTES = 4
OFFSET_BITS = 30  # of an address: the two above say which region it is in
SUM_BYTES = 4  # of a raw sum, signed
ROW_BITS = 24  # of the bytes of a row of pixels that LOAD or STORE moves
TILE_BITS = 16  # of the tiles of pixels of a CONV's output
ROW_BEATS = 64  # beats of a row of the image that a LOAD holds
OVERLAP_BEATS = ROW_BEATS - 2  # in which lie the bytes that neighbouring windows share
PARAMETER_BYTES = 16  # of the requantisation parameters of one output channel


class Operation(IntEnum):
    """What a descriptor asks for. Those from `ADD` on are reserved and end a program in error."""

    BEGIN = 1
    END = 2
    LOAD = 3
    STORE = 4
    CONV = 5
    POOL = 6
    SHORTCUT = 7
    ADD = 8
    MUL = 9
    TABLE = 10
    DEPTHWISE = 11


class Region(IntEnum):
    """The four places in memory that software gives the NPU; an address is relative to one."""

    PROGRAM = 0
    INPUT = 1
    OUTPUT = 2
    SCRATCH = 3


class ProgramFault(IntEnum):
    """Why the NPU stops a program; the number is its error code."""

    NONE = 0
    FORMAT = 1  # the program does not begin with a BEGIN of this format's version
    CONFIGURATION = 2  # it is for an NPU of other sizes
    SPACE = 3  # a region that it needs is larger than the one that software gave
    OPERATION = 4  # an operation that is unknown or reserved
    VALUE = 5  # a field is out of its range
    PLACE = 6  # a map reaches beyond the activation memory
    GROUPS = 7  # maps of one operation are in the same group
    ADDRESS = 8  # an address is outside its region
    READ = 9  # the bus answered a read with an error
    WRITE = 10  # the bus answered a write with an error
    STOPPED = 11  # software ended the program


@dataclass(frozen=True)
class DescriptorField:
    """A field of a descriptor.

    Attributes
    ----------
    name : of the field
    word : of the sixteen 32-bit words, the one that it is in
    low : its lowest bit in the word
    width : bits
    meaning : for the documents
    signed : whether it is in two's complement
    """

    name: str
    word: int
    low: int
    width: int
    meaning: str
    signed: bool = False

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest value that it holds."""
        least = -(1 << (self.width - 1)) if self.signed else 0
        return least, least + (1 << self.width) - 1


@dataclass(frozen=True)
class ParameterField:
    """A field of the 128 bits of an output channel's parameters; `low` is its lowest bit."""

    name: str
    low: int
    width: int
    signed: bool
    meaning: str


PARAMETER_FIELDS = (
    ParameterField("multiplier", 0, 27, True, "M"),
    ParameterField("residual_multiplier", 27, 35, True, "Mr"),
    ParameterField("bias", 62, 60, True, "B"),
    ParameterField("shift", 122, 6, False, "s"),
)

MAPS = ("input", "output", "residual")  # a map's place takes two words
OPERATION = DescriptorField("operation", 0, 0, 8, "number of the operation")
BESIDE = (
    DescriptorField("wait", 0, 8, 1, "begin when nothing runs beside any more"),
    DescriptorField("beside", 0, 9, 1, "let the operations that follow run beside this one"),
)
PAD_TOP = DescriptorField("pad_top", 1, 24, 8, "rows outside, above")
BAND_TOP = replace(PAD_TOP, meaning="rows outside, above; below 0: rows to skip", signed=True)
WINDOW = (
    DescriptorField("pad_code", 1, 8, 8, "code outside the input"),
    DescriptorField("pad_left", 1, 16, 8, "columns outside, to the left"),
    DescriptorField("kernel_x", 2, 0, 8, "columns of the window"),
    DescriptorField("kernel_y", 2, 8, 8, "rows of the window"),
    DescriptorField("stride_x", 2, 16, 4, "columns from one window to the next"),
    DescriptorField("stride_y", 2, 20, 4, "rows from one window to the next"),
)
SIZES = (
    DescriptorField("input_width", 3, 0, 16, "columns of the input"),
    DescriptorField("input_height", 3, 16, 16, "rows of the input"),
    DescriptorField("output_width", 4, 0, 16, "columns of the output"),
    DescriptorField("output_height", 4, 16, 16, "rows of the output"),
    DescriptorField("input_channels", 5, 0, 16, "channels of the input"),
    DescriptorField("output_channels", 5, 16, 16, "channels of the output"),
)


def map_field(role: str, name: str) -> str:
    """The name of a field of one of an operation's `MAPS`."""
    return f"{role}_map_{name}"


def _map_fields(role: str) -> tuple[DescriptorField, ...]:
    """Where a map lies: see `golden.maps.MapPlace`, which has the fields of these names."""
    word = 6 + 2 * MAPS.index(role)
    parts = (
        ("base", word, 0, 16, "first word"),
        ("step_y", word, 16, 16, "words from a row of blocks to the next"),
        ("step_x", word + 1, 0, 16, "words from a block of pixels to the next"),
        ("group", word + 1, 16, 4, "group of banks"),
        ("tile_x", word + 1, 20, 4, "log2 of Rx, the columns of a tile"),
        ("phase_x", word + 1, 24, 4, "log2 of the reader's stride along a row"),
        ("phase_y", word + 1, 28, 4, "log2 of the reader's stride along a column"),
    )
    return tuple(
        DescriptorField(map_field(role, name), where, low, width, f"{role} map: {meaning}")
        for name, where, low, width, meaning in parts
    )


def _memory_fields(what: str) -> tuple[DescriptorField, ...]:
    return (
        DescriptorField("address", 12, 0, 32, f"address {what}"),
        DescriptorField("pitch", 13, 0, 32, "bytes from a row of pixels to the next"),
    )


FIELDS: Mapping[Operation, tuple[DescriptorField, ...]] = {
    Operation.BEGIN: (
        OPERATION,
        DescriptorField("version", 0, 16, 16, f"of the format: {FORMAT_VERSION}"),
        DescriptorField("magic", 1, 0, 32, f"{MAGIC:#x}"),
        DescriptorField("configuration", 2, 0, 32, "hash of the NPU's sizes"),
        DescriptorField("descriptors", 3, 0, 32, "of the program, with BEGIN and END"),
        DescriptorField("program_bytes", 4, 0, 32, "bytes that it needs of the program's region"),
        DescriptorField("input_bytes", 5, 0, 32, "of the input's"),
        DescriptorField("output_bytes", 6, 0, 32, "of the output's"),
        DescriptorField("scratch_bytes", 7, 0, 32, "of the scratch region"),
    ),
    Operation.END: (OPERATION,),
    Operation.LOAD: (
        *(OPERATION, *BESIDE, *WINDOW, PAD_TOP, *SIZES, *_map_fields("output")),
        *_memory_fields("of the first pixel"),
    ),
    Operation.STORE: (
        *(OPERATION, *BESIDE),
        *(field for field in SIZES if field.name.startswith("input")),
        *(*_map_fields("input"), *_memory_fields("of the first pixel")),
    ),
    Operation.CONV: (
        *(OPERATION, *BESIDE[:1]),
        DescriptorField("raw", 0, 10, 1, "leave the sums S in memory, 32 bits each"),
        DescriptorField("residual", 0, 11, 1, "add the codes of the residual map"),
        DescriptorField("bits", 0, 16, 4, "k, 1 to 8"),
        DescriptorField("offset", 0, 20, 9, "z, the weights' offset"),
        DescriptorField("limit", 1, 0, 8, "the largest output code"),
        *(*WINDOW, BAND_TOP),
        DescriptorField("dilation_x", 2, 24, 4, "columns from one tap to the next"),
        DescriptorField("dilation_y", 2, 28, 4, "rows from one tap to the next"),
        *(*SIZES, *_map_fields("input"), *_map_fields("output"), *_map_fields("residual")),
        DescriptorField("weights", 12, 0, 32, "address of the first column tile's weights"),
        DescriptorField("weights_pitch", 13, 0, 32, "bytes from a column tile to the next"),
        DescriptorField("parameters", 14, 0, 32, "address of the parameters, or of raw sums"),
        DescriptorField("residual_channels", 15, 0, 16, "channels of the residual map"),
        DescriptorField("residual_shift_x", 15, 16, 2, "log2 of the stride over its columns"),
        DescriptorField("residual_shift_y", 15, 18, 2, "log2 of the stride over its rows"),
    ),
    Operation.POOL: (
        *(OPERATION, *BESIDE[:1]),
        DescriptorField("mean", 0, 10, 1, "the mean of each window; else its largest code"),
        *(*WINDOW, BAND_TOP, *SIZES, *_map_fields("input"), *_map_fields("output")),
        DescriptorField("reciprocal", 15, 0, 26, "mean = (2 sum + n) x reciprocal >> shift"),
        DescriptorField("shift", 15, 26, 6, "of the mean"),
    ),
    Operation.SHORTCUT: (
        *(OPERATION, *BESIDE[:1]),
        *(field for field in WINDOW if field.name.startswith("stride")),
        *(*SIZES, *_map_fields("input"), *_map_fields("output")),
    ),
}


def to_address(region: Region, offset: int) -> int:
    """The address of a byte of a region."""
    if not 0 <= offset < 1 << OFFSET_BITS:
        raise ValueError(f"Offset must be in 0..{(1 << OFFSET_BITS) - 1}, not {offset}")
    return region << OFFSET_BITS | offset


def split_address(address: int) -> tuple[Region, int]:
    """Region and offset of an address; a sum of addresses counts modulo 2**32, as in hardware."""
    return Region(address >> OFFSET_BITS & 3), address & ((1 << OFFSET_BITS) - 1)


def pack_descriptor(operation: Operation, values: Mapping[str, int]) -> bytes:
    """The 64 bytes of an operation; fields without a value are 0.

    Raises
    ------
    ValueError
        If the operation has no field of a name, or a value does not fit its field.
    """
    fields = {field.name: field for field in FIELDS[operation]}
    words = [0] * (DESCRIPTOR_BYTES // WORD_BYTES)
    for name, value in {"operation": int(operation), **values}.items():
        if name not in fields:
            raise ValueError(f"{operation.name} has no field {name!r}")
        field = fields[name]
        least, most = field.limits
        if not least <= value <= most:
            raise ValueError(f"{operation.name} {name} must be in {least}..{most}, not {value}")
        words[field.word] |= (value & ((1 << field.width) - 1)) << field.low
    return b"".join(word.to_bytes(WORD_BYTES, "little") for word in words)


def unpack_descriptor(data: bytes) -> tuple[Operation | int, dict[str, int]]:
    """Operation and fields of 64 bytes; a number that is no operation's has no fields."""
    number = data[0]
    if number not in {int(operation) for operation in FIELDS}:
        return number, {}
    words = [int.from_bytes(data[i : i + WORD_BYTES], "little") for i in range(0, len(data), 4)]
    operation = Operation(number)
    values = {}
    for field in FIELDS[operation]:
        value = words[field.word] >> field.low & ((1 << field.width) - 1)
        values[field.name] = value - (1 << field.width) if value > field.limits[1] else value
    return operation, values
