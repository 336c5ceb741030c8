"""The memory beside the NPU, as files of the harness: what lies where, and what was left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from truncmac.descriptors import Region
from truncmac.golden.types import Codes
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.registers import BASE_ALIGNMENT_BITS, NPU_REGISTERS
from truncmac.integers import ceil_div

from .runs import RESPONSES, WRITTEN, ProgramOutcome, ProgramRun

__all__ = ["ORIGIN", "MemoryImage", "register_address"]

ORIGIN = 0x4000_0000  # of the memory
ALIGNMENT = 1 << BASE_ALIGNMENT_BITS
APART = 64  # bytes between regions, so that what is written beyond one is seen
START, RESET, IRQ_ENABLE, CLEAR = 0b01, 0b10, 0x100, 0b110
COUNTERS = tuple(register.name for register in NPU_REGISTERS if register.name.startswith("count_"))
READS = ("status", "index", "cycles", *COUNTERS)
LAST = 1 << 63
COUNTS = 7  # that the harness adds to what it reads


def register_address(name: str) -> int:
    """Address of a register of the NPU."""
    return next(register.address for register in NPU_REGISTERS if register.name == name)


@dataclass
class MemoryImage:
    """Memory for a number of runs, each with regions of its own; equal programs lie there once.

    Attributes
    ----------
    config : the NPU
    """

    config: NpuConfig
    parts: list[tuple[int, Codes]] = field(default_factory=list)
    runs: list[tuple[ProgramRun, dict[Region, int]]] = field(default_factory=list)
    end: int = ORIGIN
    left: int = ORIGIN
    _programs: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(cls, config: NpuConfig, runs: Sequence[ProgramRun]) -> "MemoryImage":
        """Programs and inputs first; then all that is written, which is read back as one."""
        image = cls(config)
        image.runs = [(run, {}) for run in runs]
        for run, places in image.runs:
            places[Region.PROGRAM] = image._program(run.regions[Region.PROGRAM])
            places[Region.INPUT] = image._add(run.regions[Region.INPUT])
        image.left = image.end
        for run, places in image.runs:
            for region in WRITTEN:
                places[region] = image._add(run.regions[region])
        return image

    def _program(self, data: Codes) -> int:
        key = data.tobytes()
        if key not in self._programs:
            self._programs[key] = self._add(data)
        return self._programs[key]

    def _add(self, data: Codes) -> int:
        place = self.end
        self.parts.append((place, data))
        self.end = ceil_div(place + data.size + APART, ALIGNMENT) * ALIGNMENT
        return place

    @property
    def size(self) -> int:
        """Bytes of the memory."""
        return self.end - ORIGIN

    def write(self, folder: Path) -> list[str]:
        """Write the harness' files; its options."""
        (folder / "memory.hex").write_text(self._memory())
        (folder / "writes.hex").write_text(_lines(self._writes(), 16))
        (folder / "reads.hex").write_text(_lines(map(register_address, READS), 8))
        (folder / "runs.hex").write_text("".join(f"{word}\n" for word in self._run_words()))
        width = self.config.bus_bytes
        return [
            f"+runs={len(self.runs)}",
            f"+reads={len(READS)}",
            f"+left_first={(self.left - ORIGIN) // width}",
            f"+left_last={(self.end - ORIGIN) // width - 1}",
        ]

    def _memory(self) -> str:
        """Words of the bus, the first byte lowest."""
        width = self.config.bus_bytes
        whole = np.zeros(ceil_div(self.size, width) * width, np.uint8)
        for place, data in self.parts:
            whole[place - ORIGIN :][: data.size] = data
        text = whole.reshape(-1, width)[:, ::-1].tobytes().hex()
        digits = 2 * width
        return "".join(f"{text[at : at + digits]}\n" for at in range(0, len(text), digits))

    def _writes(self) -> Iterable[int]:
        """What software writes: the last one of a run is the start."""
        for run, places in self.runs:
            for region in Region:
                name = region.name.lower()
                yield register_address(f"{name}_base") << 32 | places[region]
                yield register_address(f"{name}_size") << 32 | run.regions[region].size
            yield register_address("entry") << 32 | run.entry
            yield register_address("status") << 32 | CLEAR
            yield LAST | register_address("control") << 32 | IRQ_ENABLE | START

    def _run_words(self) -> Iterable[str]:
        for run, places in self.runs:
            fields = []
            for region in Region:
                fields += [places[region], places[region] + run.regions[region].size]
            if run.error is None:
                fields += [0, 0, 0]
            else:
                first = places[run.error.region] + run.error.first
                fields += [first, first + run.error.size, RESPONSES[run.error.response]]
            again = RESET if run.stop_at else START
            fields += [run.again_at or run.stop_at, IRQ_ENABLE | again, run.reset_at]
            yield "".join(f"{value:08x}" for value in reversed(fields))

    def outcomes(self, folder: Path) -> list[ProgramOutcome]:
        """What came of the runs; ValueError names the first that broke a rule of the bus."""
        left = _left(folder / "left.hex")
        lines = (folder / "results.hex").read_text().splitlines()
        found = []
        for index, ((run, places), line) in enumerate(zip(self.runs, lines, strict=True)):
            words = [int(word, 16) for word in line.split()]
            status, at, cycles, *counters = words[: len(READS)]
            waited, writes, bytes_read, bytes_written, reads, stray, wrong = words[-COUNTS:]
            if wrong:
                raise ValueError(f"Run {index} broke the rules of AXI4: {_broken(wrong)}")
            regions = {}
            for region in WRITTEN:
                first = places[region] - self.left
                regions[region] = left[first : first + run.regions[region].size]
            found.append(
                ProgramOutcome(
                    status=_fields("status", status),
                    index=at,
                    cycles=cycles,
                    counters={
                        name.removeprefix("count_"): value
                        for name, value in zip(COUNTERS, counters, strict=True)
                    },
                    waited=waited,
                    writes=writes,
                    bytes_read=bytes_read,
                    bytes_written=bytes_written,
                    strays=reads + stray,
                    regions=regions,
                    bases=places,
                )
            )
        return found


RULES = (
    "a burst of another size or kind than it may be, or across 4 KiB",
    "WLAST in another word than a burst's last",
    "an offer that was changed or taken back before it was taken",
)


def _broken(wrong: int) -> str:
    return "; ".join(rule for bit, rule in enumerate(RULES) if wrong >> bit & 1)


def _fields(name: str, value: int) -> dict[str, int]:
    """Fields of a register's value, by name."""
    register = next(register for register in NPU_REGISTERS if register.name == name)
    return {part.name: (value & part.mask) >> part.low for part in register.fields}


def _lines(values: Iterable[int], digits: int) -> str:
    return "".join(f"{value:0{digits}x}\n" for value in values)


def _left(path: Path) -> Codes:
    """Bytes of a file of words, whose first byte is lowest."""
    words = [line for line in path.read_text().split("\n") if line and line[0] not in "/@"]
    if not words:
        return np.zeros(0, np.uint8)
    data = np.frombuffer(bytes.fromhex("".join(words)), np.uint8)
    return data.reshape(len(words), -1)[:, ::-1].reshape(-1)
