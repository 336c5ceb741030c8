"""Runs of programs on the NPU: what one needs, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from truncmac.descriptors import ProgramFault, Region
from truncmac.golden.types import Codes

__all__ = ["BusError", "ProgramOutcome", "ProgramRun"]

RESPONSES = {"SLVERR": 2, "DECERR": 3}
WRITTEN = (Region.OUTPUT, Region.SCRATCH)


@dataclass(frozen=True)
class BusError:
    """The memory answers some addresses of a region with an error, while a run lasts.

    Attributes
    ----------
    region : where
    first, size : the bytes, from the region's first
    response : "SLVERR" or "DECERR"
    """

    region: Region
    first: int
    size: int
    response: str = "SLVERR"

    def __post_init__(self) -> None:
        if self.response not in RESPONSES:
            raise ValueError(f"Response must be SLVERR or DECERR, not {self.response!r}")
        if self.first < 0 or self.size < 1:
            raise ValueError("A bus error must be at a byte of its region, and at least one long")


@dataclass(frozen=True, eq=False)
class ProgramRun:
    """One start of a program.

    Attributes
    ----------
    regions : what the four regions hold before it, uint8 arrays
    entry : offset of the program's BEGIN in the program's region
    error : what the bus answers wrongly, if anything
    again_at : cycle after the start in which software starts again, which it must not; 0: never
    stop_at : cycle after the start in which software ends the program; 0: never
    reset_at : cycle after the start of a reset, after which all is done anew; 0: none
    """

    regions: Mapping[Region, Codes]
    entry: int = 0
    error: BusError | None = None
    again_at: int = 0
    stop_at: int = 0
    reset_at: int = 0

    def __post_init__(self) -> None:
        if set(self.regions) != set(Region):
            raise ValueError("A run must say what each of the four regions holds")
        if self.again_at and self.stop_at:
            raise ValueError("In a run software must start again or stop the program, not both")


@dataclass(frozen=True, eq=False)
class ProgramOutcome:
    """What software sees of a run after its interrupt, and what was counted beside the NPU.

    Attributes
    ----------
    status, index, cycles, counters : of the registers
    waited : cycles from the start's acceptance to the interrupt
    writes : of registers, that came between them
    bytes_read, bytes_written : on the bus; reads in whole words of it
    strays : accesses to bytes that are in no region, or in none that may be written
    regions : what the output and scratch regions held after the last run
    bases : address of each region's first byte on the bus
    """

    status: Mapping[str, int]
    index: int
    cycles: int
    counters: Mapping[str, int]
    waited: int
    writes: int
    bytes_read: int
    bytes_written: int
    strays: int
    regions: Mapping[Region, Codes] = field(repr=False)
    bases: Mapping[Region, int] = field(repr=False)

    @property
    def fault(self) -> ProgramFault:
        """Why the program stopped."""
        return ProgramFault(self.status["fault"])

    @property
    def ended(self) -> bool:
        """Whether the program ran to its end, and nothing was refused on the way."""
        return self.status == {"busy": 0, "done": 1, "refused": 0, "fault": 0}
