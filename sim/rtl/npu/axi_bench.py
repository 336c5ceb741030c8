"""The cocotb side of a run with an AXI memory and master that are not ours (cocotbext-axi).

It reads the files and options of harness.v, and writes the same files; so runs are the same to
whoever asks for them.
"""

import itertools
import logging
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRamRead, AxiRamWrite

from truncmac.integers import ceil_div

from .image import ORIGIN

__all__ = ["play"]

PERIOD_NS = 10
RESET_CYCLES = 4
ADDRESS_BITS = 8
CHANNELS = ("ar", "r", "aw", "w", "b")
REGIONS = 4  # each has two fields of a run's word: its first byte, and the one beyond it
WRITTEN = (2, 3)


class _Reads(AxiRamRead):  # type: ignore[misc]
    """Counts what is read, and what lies in no region."""

    spans: tuple[range, ...] = ()
    count = strays = 0

    async def _read(self, address: int, length: int) -> Any:
        self.count += length
        self.strays += not any(address in span for span in self.spans)
        return await super()._read(address, length)


class _Writes(AxiRamWrite):  # type: ignore[misc]
    """Counts what is written, and what must not be."""

    spans: tuple[range, ...] = ()
    count = strays = 0

    async def _write(self, address: int, data: bytes) -> None:
        self.count += len(data)
        inside = any(
            span.start <= address and address + len(data) <= span.stop for span in self.spans
        )
        self.strays += not inside
        await super()._write(address, data)


class _Bench:
    """Memory, master and files."""

    def __init__(self, dut: Any) -> None:
        for name in ("cocotb.truncmac_npu_axi", "cocotb"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.dut = dut
        self.width = len(dut.m_axi_wdata) // 8
        self.memory = _memory(Path("memory.hex"))
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        bus = AxiBus.from_prefix(dut, "m_axi")
        self.reads = _Reads(bus.read, dut.aclk, **reset, mem=self.memory)
        self.writes = _Writes(bus.write, dut.aclk, **reset, mem=self.memory)
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, **reset)
        self.hang_cycles = _option("hang_cycles", 100_000)
        self._pause()

    def _pause(self) -> None:
        noise = random.Random(_option("stall_seed", 1))  # noqa: S311
        sides = {"ar": self.reads, "r": self.reads}
        for name in CHANNELS:
            share = _option(f"stall_{name}", 0) / 256
            if share:
                channel = getattr(sides.get(name, self.writes), f"{name}_channel")
                channel.set_pause_generator(_pauses(noise, share))

    async def reset(self) -> None:
        """Start the clock, and reset the NPU."""
        Clock(self.dut.aclk, PERIOD_NS, unit="ns").start()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, RESET_CYCLES)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)

    def _word_end(self, address: int) -> int:
        """The end of the bus word that ends at or after an address: whole words are read."""
        return ceil_div(address, self.width) * self.width

    async def run(self, word: int, writes: list[int], registers: list[int]) -> list[int]:
        """Write registers, wait for the interrupt, read registers: those, and what was counted."""
        fields = [word >> 32 * index & 0xFFFF_FFFF for index in range(2 * REGIONS)]
        spans = [range(*fields[2 * index : 2 * index + 2]) for index in range(REGIONS)]
        for side in (self.reads, self.writes):
            side.count = side.strays = 0
        self.reads.spans = tuple(range(s.start, self._word_end(s.stop)) for s in spans)
        self.writes.spans = tuple(spans[index] for index in WRITTEN)
        for write in writes:
            await self.host.write_dword(write >> 32 & 0xFF, write & 0xFFFF_FFFF)
        start = get_sim_time("ns")
        if not self.dut.irq.value:
            await with_timeout(RisingEdge(self.dut.irq), self.hang_cycles * PERIOD_NS, "ns")
        waited = int(get_sim_time("ns") - start) // PERIOD_NS
        found = [await self.host.read_dword(address) for address in registers]
        strays = self.reads.strays, self.writes.strays
        # No register is written in between: this is all that writes them
        return [*found, waited, 0, self.reads.count, self.writes.count, *strays, 0]


def _option(name: str, default: int) -> int:
    return int(cocotb.plusargs.get(name, default))


def _pauses(noise: random.Random, share: float) -> Any:
    return (noise.random() < share for _ in itertools.count())


def _words(name: str) -> list[int]:
    return [int(line, 16) for line in Path(name).read_text().split()]


def _memory(path: Path) -> bytearray:
    """The memory as bytes, the first at `ORIGIN`; its size is a power of two."""
    data = b"".join(bytes.fromhex(line)[::-1] for line in path.read_text().split())
    size = 1 << (len(data) - 1).bit_length()
    if ORIGIN % size:
        raise ValueError(f"A memory of {size} bytes does not fit its place")
    return bytearray(data) + bytearray(size - len(data))


@cocotb.test(timeout_time=1, timeout_unit="sec")  # type: ignore[untyped-decorator]
async def play(dut: Any) -> None:
    """Do all runs, and write what came of them."""
    bench = _Bench(dut)
    await bench.reset()
    writes = iter(_words("writes.hex"))
    registers = _words("reads.hex")
    with Path("results.hex").open("w") as results:
        for word in _words("runs.hex"):
            own: list[int] = []
            while not own or not own[-1] >> 63:
                own.append(next(writes))
            numbers = await bench.run(word, own, registers)
            results.write(" ".join(f"{number:x}" for number in numbers) + "\n")
            results.flush()
    first, last = (_option(f"left_{end}", 0) * bench.width for end in ("first", "last"))
    with Path("left.hex").open("w") as left:
        for at in range(first, last + bench.width, bench.width):
            left.write(bytes(bench.memory[at : at + bench.width])[::-1].hex() + "\n")
