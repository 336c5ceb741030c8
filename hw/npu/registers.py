"""The register map of the NPU. Hardware and table are made from it."""

from truncmac.descriptors import ProgramFault, Region

from ..axi.registers import BusRegister, Field, whole_register
from .counters import ALL_COUNTERS

__all__ = ["NPU_REGISTERS", "REGION_ADDRESS"]

MAP_VERSION = 0x0002_0000  # major, minor: of the map, not of the package
REGION_ADDRESS = 0x20  # of the first region's base; its size follows
COUNT_ADDRESS = 0x40  # of the first counter
BASE_ALIGNMENT_BITS = 5  # of a region's base and of `entry`: the widest bus has 32 bytes
_FAULTS = "; ".join(f"{fault.value} {fault.name.lower()}" for fault in ProgramFault)


def _region(region):
    """Base and size of a region."""
    name, address = region.name.lower(), REGION_ADDRESS + 8 * region
    return (
        whole_register(
            f"{name}_base", address, "rw", f"first byte of the {name} region; 32 divides it"
        ),
        whole_register(f"{name}_size", address + 4, "rw", f"bytes of the {name} region"),
    )


NPU_REGISTERS = (
    whole_register(
        "version", 0x00, "ro", "version of this map: major in the upper half, minor below"
    ),
    whole_register("configuration", 0x04, "ro", "hash of the NPU's sizes, as programs carry it"),
    BusRegister(
        "control",
        0x08,
        (
            Field("start", 0, 1, "start", "run the program at `entry`; ignored while it is busy"),
            Field("reset", 1, 1, "start", "end the program at work, once its bursts are over"),
            Field("irq_enable", 8, 1, "rw", "raise the interrupt while done is set"),
        ),
    ),
    BusRegister(
        "status",
        0x0C,
        (
            Field("busy", 0, 1, "ro", "a program is at work"),
            Field("done", 1, 1, "event", "a program has ended, with or without a fault"),
            Field("refused", 2, 1, "event", "a start came while a program was at work"),
            Field("fault", 8, 8, "ro", f"of the last program: {_FAULTS}"),
        ),
    ),
    whole_register("index", 0x10, "ro", "of the descriptor at hand, or at fault", 24),
    whole_register(
        *("entry", 0x14, "rw"),
        "offset of the program's BEGIN in the program region; 32 divides it, as it does each base: "
        "what is less is ignored",
    ),
    whole_register("cycles", 0x18, "ro", "of the program, from start to end"),
    *(register for region in Region for register in _region(region)),
    *(
        whole_register(f"count_{name}", COUNT_ADDRESS + 4 * index, "ro", about)
        for index, (name, about) in enumerate(ALL_COUNTERS.items())
    ),
)
