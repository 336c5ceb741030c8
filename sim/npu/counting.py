"""Cycles of a compiled network, counted by the model of the NPU: no RTL, and no data."""

from collections.abc import Mapping

from truncmac.descriptors import Region
from truncmac.integers import ceil_div
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.cycles.npu.machine import NpuControl

from .compiled import Compiled, Entry

__all__ = ["count_program"]

PAGE = 4096  # bytes


def count_program(
    compiled: Compiled, entry: Entry, timing: MemoryTiming | None = None
) -> Mapping[str, int]:
    """Return the NPU's counters for one image, by name, from its reset on.

    They are the RTL's: `cycles` from start to interrupt, `NPU_COUNTERS`, and the core's as
    `core_NAME`. The regions follow each other in memory, each from a multiple of 4 KiB on.
    Elsewhere a burst may be cut at another word, which costs a few cycles.

    Parameters
    ----------
    entry : the program, one of the network's
    timing : of the memory; by default it answers in the next cycle, and never pauses
    """
    sizes = (
        len(compiled.program),
        compiled.input_bytes,
        compiled.output_bytes,
        compiled.scratch_bytes,
    )
    bases, place = {}, 0
    for region, size in zip(Region, sizes, strict=True):
        bases[region] = place
        place += ceil_div(size, PAGE) * PAGE
    return NpuControl(compiled.config, timing).run(compiled.program, bases, entry.offset)
