"""Energy of scratchpads and DRAM: of macros of the core's process, else of published figures.

What moves is what the schedule reads and writes. A scratchpad is made of as many equal macros as
it takes, those that need the least area; an access is one of a macro's words. Published figures
are taken as they are, of another process.
"""

from dataclasses import dataclass

import numpy as np

from truncmac.golden.types import Reals
from truncmac.integers import ceil_div
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import Schedule

from .macros import PublishedMemories, Sram, load_srams, published_memories

__all__ = ["MemoryFigures", "dram_figures", "memory_energies", "scratchpad_figures"]

BYTE = 8


@dataclass(frozen=True)
class MemoryFigures:
    """A memory.

    Attributes
    ----------
    read_pj, write_pj : of a byte
    leakage_nw : of all of it; 0 where it is not known
    area_um2 : or None where it is not known
    published : the figures are of the literature, not of the core's process
    about : what it is made of, or who published it, with node and voltage
    """

    read_pj: float
    write_pj: float
    leakage_nw: float
    area_um2: float | None
    published: bool
    about: str


def scratchpad_figures(size: int, word_bytes: int, library: str) -> MemoryFigures:
    """A scratchpad of `size` bytes that gives `word_bytes` in a cycle."""
    try:
        macros = load_srams(library)
    except ValueError:
        return _published_sram(size)
    counts = {macro.name: _count(macro, size, word_bytes) for macro in macros}
    best = min(macros, key=lambda macro: counts[macro.name] * macro.area_um2)
    count, width = counts[best.name], best.bits / BYTE
    return MemoryFigures(
        read_pj=best.read_pj / width,
        write_pj=best.write_pj / width,
        leakage_nw=count * best.leakage_nw,
        area_um2=count * best.area_um2,
        published=False,
        about=f"{count} x {best.name} of {library}",
    )


def _count(macro: Sram, size: int, word_bytes: int) -> int:
    """Macros that hold `size` bytes, and beside each other give a word."""
    return max(
        ceil_div(size * BYTE, macro.words * macro.bits), ceil_div(word_bytes * BYTE, macro.bits)
    )


def _published_sram(size: int) -> MemoryFigures:
    published = published_memories()
    fitting = (entry for entry in published.sram if entry.bytes >= size)
    entry = next(fitting, published.sram[-1])
    pj = entry.pj * BYTE / entry.bits
    about = f"{entry.bytes // 1024} KiB, {entry.bits}-bit access {entry.pj:g} pJ"
    return MemoryFigures(pj, pj, 0.0, None, True, f"{about}; {_where(published)}")


def dram_figures() -> MemoryFigures:
    """An access of DRAM, without its interface."""
    published = published_memories()
    entry = published.dram
    pj = entry.pj * BYTE / entry.bits
    about = f"{entry.bits}-bit access {entry.pj:g} pJ (to {entry.pj_high:g} pJ)"
    return MemoryFigures(pj, pj, 0.0, None, True, f"{about}; {_where(published)}")


def _where(published: PublishedMemories) -> str:
    return f"{published.source}; {published.node_nm} nm, {published.voltage} V, not scaled"


def memory_energies(
    layers: Layers,
    found: Schedule,
    activations: MemoryFigures,
    weights: MemoryFigures,
    dram: MemoryFigures,
    clock_hz: float,
) -> dict[str, Reals]:
    """Energy of each layer in "sram" and "dram", pJ, arrays as the schedule's.

    The activation scratchpad is read by the array, for residuals, and for outputs that go to the
    DRAM, and written by what comes from the DRAM and by all outputs; the weight scratchpad is
    read by the array, and written from the DRAM.
    """
    outputs = layers.groups * layers.output_bytes
    residuals = np.where(layers.residual, outputs, 0)
    sram = activations.read_pj * (found.read_activations + residuals + found.dram_outputs)
    sram = sram + activations.write_pj * (found.dram_inputs + found.dram_residuals + outputs)
    sram = sram + weights.read_pj * found.read_weights + weights.write_pj * found.dram_weights
    leakage = (activations.leakage_nw + weights.leakage_nw) * 1e-9  # W
    sram = sram + leakage * found.cycles / clock_hz * 1e12
    read = found.dram_weights + found.dram_inputs + found.dram_residuals
    moved = dram.read_pj * read + dram.write_pj * found.dram_outputs
    return {"sram": np.asarray(sram, float), "dram": np.asarray(moved, float)}
