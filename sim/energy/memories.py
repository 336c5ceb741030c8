"""Energy of scratchpads and DRAM, by macros of the core's process or by published figures.

The schedule says what is read and written. A scratchpad is made of equal macros, of the kind that
needs the least area, and an access moves one word of a macro. Published figures are of another
process and are taken as they are.
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
    """Figures of a memory.

    Attributes
    ----------
    read_pj, write_pj : energy of a byte that is read or written
    leakage_nw : leakage of the whole memory; 0 where it is not known
    area_um2 : area of the whole memory; None where it is not known
    published : whether the figures are of the literature, not of the core's process
    about : what the memory is made of; or who published the figures, with node and voltage
    """

    read_pj: float
    write_pj: float
    leakage_nw: float
    area_um2: float | None
    published: bool
    about: str


def scratchpad_figures(size: int, word_bytes: int, library: str) -> MemoryFigures:
    """Figures of a scratchpad of `size` bytes that gives `word_bytes` in a cycle."""
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
    """Number of macros that hold `size` bytes and together give a word in a cycle."""
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
    """Figures of the accesses to a DRAM, without those of its interface."""
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
    """Energy of each layer in "sram" and "dram", pJ, in arrays of the schedule's shape.

    The activation scratchpad is read for the array, for residuals, and for outputs that go to the
    DRAM. It is written with what comes from the DRAM, and with all outputs. The weight scratchpad
    is read for the array and written from the DRAM.
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
