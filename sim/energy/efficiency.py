"""A workload's energy at each k, core and memories, and what follows from it: TOPS/W, TOPS/mm2.

An operation is a multiplication or an addition. A multiply-accumulate of an 8-bit weight of which k
bits are used counts as two operations, whatever k is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from truncmac.golden.types import Integers, Reals
from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import Analysis

from .figures import WIRES, MacFigures
from .layers import LayerSwitching, layer_parts
from .memories import MemoryFigures, dram_figures, memory_energies, scratchpad_figures
from .model import PARTS, Characterisation

__all__ = [
    "ENERGY_PARTS",
    "OPERATIONS",
    "CoreAreas",
    "CoreMemories",
    "SwitchingOn",
    "WidthEnergy",
    "core_areas",
    "core_memories",
    "energies_by_width",
]

SwitchingOn = Callable[[ArrayConfig], LayerSwitching | None]  # of the layers' data on an array

ENERGY_PARTS = (*PARTS, "sram", "dram")
OPERATIONS = 2  # of a multiply-accumulate


@dataclass(frozen=True)
class CoreMemories:
    """The scratchpads of a core, and the DRAM."""

    activations: MemoryFigures
    weights: MemoryFigures
    dram: MemoryFigures


@dataclass(frozen=True)
class CoreAreas:
    """Areas in mm2: of the core, of its scratchpads, and of both; None where not known."""

    core: float
    sram: float | None
    all: float | None


@dataclass(frozen=True)
class WidthEnergy:
    """Energy of a workload at one k, in pJ, and its efficiency.

    Attributes
    ----------
    k : the bit-width of the layers that have none of their own
    macs : multiply-accumulates of the workload
    pj : energy by `ENERGY_PARTS`
    core_pj, core_zero_delay_pj : energy of the core, with glitches and without
    core_wires_pj : energy of the core by scale of the wire estimate
    total_pj : energy of core and memories
    core_pj_per_mac, total_pj_per_mac, pj_per_inference : the same of a multiply-accumulate, and
        of an image
    tops : 10**12 operations a second
    tops_per_w_core, tops_per_w : 10**12 operations a joule, by the core's energy and by all
    tops_per_mm2_core, tops_per_mm2 : `tops` by the core's area, and by that with scratchpads;
        None where that is not known
    """

    k: int
    macs: int
    pj: Mapping[str, float]
    core_pj: float
    core_zero_delay_pj: float
    core_wires_pj: Mapping[str, float]
    total_pj: float
    core_pj_per_mac: float
    total_pj_per_mac: float
    pj_per_inference: float
    tops: float
    tops_per_w_core: float
    tops_per_w: float
    tops_per_mm2_core: float
    tops_per_mm2: float | None


def core_memories(found: Analysis, library: str) -> CoreMemories:
    """Memories of an analysis' platform, with macros of a library if it has any."""
    config, memory = found.platform.config, found.platform.memory
    activation_word = config.rows * config.lanes
    return CoreMemories(
        activations=scratchpad_figures(memory.activation_bytes, activation_word, library),
        weights=scratchpad_figures(memory.weight_bytes, config.weight_word_bytes, library),
        dram=dram_figures(),
    )


def core_areas(found: Analysis, model: Characterisation, memories: CoreMemories) -> CoreAreas:
    """Areas of an analysis' platform."""
    core = sum(model.area(found.platform.config).values()) / 1e6
    own = [memories.activations.area_um2, memories.weights.area_um2]
    known = [area for area in own if area is not None]
    sram = sum(known) / 1e6 if len(known) == len(own) else None
    return CoreAreas(core, sram, None if sram is None else core + sram)


def energies_by_width(
    found: Analysis,
    model: Characterisation,
    memories: CoreMemories,
    switching: SwitchingOn,
) -> list[WidthEnergy]:
    """Energies at each k of an analysis.

    Parameters
    ----------
    switching : what toggles in the layers' data; None of an array: as in the layers measured
    """
    platform, layers, schedule = found.platform, found.layers, found.schedule
    arguments = (layers, model, platform.clock_hz, platform.config, schedule, found.layer_bits)
    own = switching(platform.config)
    parts = layer_parts(*arguments, own)
    zero_delay = np.sum(list(layer_parts(*arguments, own, glitches=False).values()), axis=0)
    pads = (memories.activations, memories.weights, memories.dram)
    parts |= memory_energies(layers, schedule, *pads, platform.clock_hz)
    core = np.sum([parts[part] for part in PARTS], axis=0)
    areas = core_areas(found, model, memories)
    macs, result = float(layers.macs.sum()), []
    for at, k in enumerate(found.bits):
        pj = {part: float(np.broadcast_to(parts[part], core.shape)[at].sum()) for part in parts}
        core_pj, total_pj = float(core[at].sum()), sum(pj.values())
        seconds = float(schedule.cycles[at].sum()) / platform.clock_hz
        tops = OPERATIONS * macs / seconds / 1e12
        result.append(
            WidthEnergy(
                k=k,
                macs=int(macs),
                pj=pj,
                core_pj=core_pj,
                core_zero_delay_pj=float(np.sum(zero_delay[at])),
                core_wires_pj=_wires(model, core[at], found.layer_bits[at]),
                total_pj=total_pj,
                core_pj_per_mac=core_pj / macs,
                total_pj_per_mac=total_pj / macs,
                pj_per_inference=total_pj / found.images,
                tops=tops,
                tops_per_w_core=OPERATIONS * macs / core_pj,
                tops_per_w=OPERATIONS * macs / total_pj,
                tops_per_mm2_core=tops / (areas.core or 1.0),
                tops_per_mm2=None if areas.all is None else tops / areas.all,
            )
        )
    return result


def _wires(model: Characterisation, core_pj: Reals, bits: Integers) -> dict[str, float]:
    """Energy at each scale of the wire estimate, in the proportions of the layers measured."""
    total = dict.fromkeys(WIRES, 0.0)
    for value, k in zip(core_pj.tolist(), bits.tolist(), strict=True):
        measured = _measured(model, k)
        for scale in WIRES:
            total[scale] += value * measured.pj_per_mac[scale] / measured.stated_pj
    return {str(scale): value for scale, value in total.items()}


def _measured(model: Characterisation, bits: int) -> MacFigures:
    """Energy of a multiply-accumulate on the last array measured, at the nearest k that has it."""
    known = {k: own.measured for k, own in model.figures.bits.items() if own.measured}
    nearest = min(sorted(known), key=lambda k: abs(k - bits))
    *_, last = known[nearest].values()
    return last
