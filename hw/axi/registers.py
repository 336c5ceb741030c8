"""The register map of the AXI top. Hardware, table and C header are made from it."""

from dataclasses import dataclass

from truncmac.hw.command import CommandError
from truncmac.hw.counters import COUNTERS

__all__ = [
    "REGISTERS",
    "Access",
    "BusRegister",
    "Field",
    "c_header",
    "register_header",
    "register_table",
    "whole_register",
]

MAP_VERSION = 0x0001_0000  # major, minor: of the map, not of the package
Access = {
    "ro": "read",
    "rw": "read, write",
    "start": "write 1 to act",
    "event": "read; write 1 to clear",
}


@dataclass(frozen=True)
class Field:
    """Neighbouring bits of a register."""

    name: str
    low: int
    width: int
    access: str
    about: str

    @property
    def mask(self):
        """The field's bits within its register."""
        return ((1 << self.width) - 1) << self.low


@dataclass(frozen=True)
class BusRegister:
    """A register of 32 bits at a byte address."""

    name: str
    address: int
    fields: tuple[Field, ...]


def whole_register(name, address, access, about, width=32):
    """Return a register of one field, which has no name of its own."""
    return BusRegister(name, address, (Field("value", 0, width, access, about),))


_ERRORS = "; ".join(f"{error.value} {error.name.lower()}" for error in CommandError)

REGISTERS = (
    whole_register(
        "version", 0x00, "ro", "version of this map: major in the upper half, minor below"
    ),
    BusRegister(
        "sizes",
        0x04,
        (
            Field("rows", 0, 9, "ro", "rows of PEs"),
            Field("cols", 9, 9, "ro", "columns of PEs"),
            Field("lanes", 18, 9, "ro", "lanes of a PE"),
            Field("planes", 27, 4, "ro", "planes of a PE"),
        ),
    ),
    whole_register("max_beats", 0x08, "ro", "most beats that a tile may have"),
    BusRegister(
        "control",
        0x0C,
        (
            Field("start", 0, 1, "start", "begin the job that the registers below describe"),
            Field("clear", 1, 1, "start", "zero the counters"),
            Field("irq_enable", 8, 1, "rw", "raise the interrupt while done is set"),
        ),
    ),
    BusRegister(
        "status",
        0x10,
        (
            Field("busy", 0, 1, "ro", "a job is at work"),
            Field("done", 1, 1, "event", "a job has ended, with or without error"),
            Field("error", 2, 1, "event", "a command was refused, and its data consumed"),
            Field("error_code", 8, 3, "ro", f"why, of the last one: {_ERRORS}"),
        ),
    ),
    whole_register("bits", 0x14, "rw", "k: 1..8", 4),
    whole_register("beats", 0x18, "rw", "beats of the reduction: ceil(K / lanes)", 16),
    whole_register("row_tiles", 0x1C, "rw", "tiles along the product's rows", 16),
    whole_register("column_tiles", 0x20, "rw", "tiles along the product's columns", 16),
    whole_register(
        "offset", 0x24, "rw", "z: 2**k - 1 for TruncQuant, 2**k for two's complement", 9
    ),
    BusRegister(
        "output",
        0x28,
        (
            Field("limit", 0, 8, "rw", "the largest output code, 2**m - 1"),
            Field("raw", 8, 1, "rw", "results are S, 32 bits each; else codes, 8 bits each"),
            Field("residual", 9, 1, "rw", "each row of results takes a row of residual codes"),
        ),
    ),
    *(
        whole_register(f"count_{name}", 0x40 + 4 * index, "ro", about)
        for index, (name, about) in enumerate(COUNTERS.items())
    ),
)


def register_table(registers=REGISTERS):
    """Return the map as a Markdown table."""
    lines = ["| address | register | bits | field | access | what |", "|---|---|---|---|---|---|"]
    for register in registers:
        for field in register.fields:
            bits = f"{field.low + field.width - 1}:{field.low}" if field.width > 1 else field.low
            lines.append(
                f"| 0x{register.address:02X} | {register.name} | {bits} | {field.name} "
                f"| {Access[field.access]} | {field.about} |"
            )
    return "\n".join(lines) + "\n"


def c_header():
    """Return the map as a C header: each register's offset, each field's shift and mask."""
    return register_header(REGISTERS, "AXI top", "TRUNCMAC", MAP_VERSION, CommandError)


def register_header(registers, what, prefix, version, errors):
    """Return a map as a C header.

    Parameters
    ----------
    registers : sequence of BusRegister
    what : whose map it is, in words
    prefix : of all names
    version : of the map
    errors : enumeration of the error codes
    """
    guard = f"{prefix}_REGISTERS_H"
    lines = [
        f"/* Register map of the truncmac {what}; generated, as the hardware is. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        f"#define {prefix}_VERSION_EXPECTED 0x{version:08X}u",
    ]
    for register in registers:
        name = f"{prefix}_{register.name.upper()}"
        lines += ["", f"#define {name} 0x{register.address:02X}u"]
        for field in register.fields:
            part = name if field.name == "value" else f"{name}_{field.name.upper()}"
            lines += [
                f"/* {field.about} ({Access[field.access]}) */",
                f"#define {part}_SHIFT {field.low}u",
                f"#define {part}_MASK 0x{field.mask:08X}u",
            ]
    for error in errors:
        lines.append(f"#define {prefix}_ERROR_{error.name} {error.value}u")
    return "\n".join([*lines, "", "#endif", ""])
