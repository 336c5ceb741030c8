"""A workload's energy at each k, by part, with its memories; and beside other cores.

An operation is a multiplication or an addition: a MAC of an 8-bit weight of which k bits are
used counts as two, whatever k is.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import Analysis, analyse
from truncmac.sim.schedule.folding import square_array

from .figures import WIRES, MacFigures, available
from .layers import LayerSwitching, layer_parts
from .memories import MemoryFigures, dram_figures, memory_energies, scratchpad_figures
from .model import PARTS, Characterisation, load

__all__ = [
    "ENERGY_PARTS",
    "NOT_IN_IT",
    "OPERATIONS",
    "RIVALS",
    "SwitchingOn",
    "energy_summary",
]

SwitchingOn = Callable[[ArrayConfig], LayerSwitching | None]  # of the layers' data on an array

ENERGY_PARTS = (*PARTS, "sram", "dram")
OPERATIONS = 2  # of a MAC
# (lanes, planes) of cores that do not truncate: low weight bits are zeros, which gates them
RIVALS: Mapping[tuple[int, int], str] = {(1, 8): "MAC", (4, 8): "dot"}
NOT_IN_IT = (
    "clock tree",
    "routed wires and their resistance (an estimate by pins is in it)",
    "the DRAM's interface and refresh (its accesses are in it)",
    "IO and the host",
    "scratchpads' bank selection, wiring and idle clocks",
    "corners other than the library's",
)


def energy_summary(
    found: Analysis,
    figures: Characterisation,
    switching: SwitchingOn = lambda config: None,
) -> dict[str, Any]:
    """Energies, efficiencies, area and clock of an analysis, and of cores beside it.

    Parameters
    ----------
    switching : None: as in the layers measured
    """
    library = figures.figures.provenance.library.label
    memories = _memories(found, library)
    return {
        "operations_per_mac": OPERATIONS,
        "by_k": _by_k(found, figures, memories, switching),
        "area_mm2": _areas(found, figures, memories),
        "memories": {name: asdict(memory) for name, memory in memories.items()},
        "beside": _beside(found, figures, library, switching),
        "not_in_it": list(NOT_IN_IT),
    }


def _memories(found: Analysis, library: str) -> dict[str, MemoryFigures]:
    config, memory = found.platform.config, found.platform.memory
    activations = config.rows * config.lanes
    return {
        "activations": scratchpad_figures(memory.activation_bytes, activations, library),
        "weights": scratchpad_figures(memory.weight_bytes, config.weight_word_bytes, library),
        "dram": dram_figures(),
    }


def _areas(
    found: Analysis, figures: Characterisation, memories: Mapping[str, MemoryFigures]
) -> dict[str, float | None]:
    core = sum(figures.area(found.platform.config).values()) / 1e6
    own = [memories[name].area_um2 for name in ("activations", "weights")]
    known = [area for area in own if area is not None]
    sram = sum(known) / 1e6 if len(known) == len(own) else None
    return {"core": core, "sram": sram, "all": None if sram is None else core + sram}


def _by_k(
    found: Analysis,
    figures: Characterisation,
    memories: Mapping[str, MemoryFigures],
    switching: SwitchingOn,
) -> list[dict[str, Any]]:
    platform, layers, schedule = found.platform, found.layers, found.schedule
    arguments = (layers, figures, platform.clock_hz, platform.config, schedule, found.layer_bits)
    own = switching(platform.config)
    parts = layer_parts(*arguments, own)
    zero_delay = np.sum(list(layer_parts(*arguments, own, glitches=False).values()), axis=0)
    activations, weights, dram = (memories[name] for name in ("activations", "weights", "dram"))
    parts |= memory_energies(layers, schedule, activations, weights, dram, platform.clock_hz)
    core = np.sum([parts[part] for part in PARTS], axis=0)
    areas = _areas(found, figures, memories)
    macs, result = float(layers.macs.sum()), []
    for at, k in enumerate(found.bits):
        pj = {part: float(np.broadcast_to(parts[part], core.shape)[at].sum()) for part in parts}
        core_pj, total = float(core[at].sum()), sum(pj.values())
        seconds = float(schedule.cycles[at].sum()) / platform.clock_hz
        tops = OPERATIONS * macs / seconds / 1e12
        result.append(
            {
                "k": k,
                "macs": int(macs),
                "pj": pj,
                "core_pj": core_pj,
                "core_zero_delay_pj": float(np.sum(zero_delay[at])),
                "core_wires_pj": _wires(figures, core[at], found.layer_bits[at]),
                "total_pj": total,
                "core_pj_per_mac": core_pj / macs,
                "total_pj_per_mac": total / macs,
                "pj_per_inference": total / found.images,
                "tops": tops,
                "tops_per_w_core": OPERATIONS * macs / core_pj,
                "tops_per_w": OPERATIONS * macs / total,
                "tops_per_mm2_core": tops / float(areas["core"] or 1),
                "tops_per_mm2": None if areas["all"] is None else tops / areas["all"],
            }
        )
    return result


def _wires(model: Characterisation, core: Any, bits: Any) -> dict[str, float]:
    """Energy at each scale of the wire estimate, in the proportions of the layers measured."""
    total = dict.fromkeys(WIRES, 0.0)
    for value, k in zip(core.tolist(), bits.tolist(), strict=True):
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


def _beside(
    found: Analysis, own: Characterisation, library: str, switching: SwitchingOn
) -> list[dict[str, Any]]:
    """The core and others of its 8-bit throughput, on the same workload, clock and memories."""
    config = found.platform.config
    here = _entry("this", found, own, library, switching)
    others = [
        _rival(found, (lanes, planes), name, library, switching)
        for (lanes, planes), name in RIVALS.items()
        if (lanes, planes) != (config.lanes, config.planes)
    ]
    return [here, *others]


def _entry(
    name: str, found: Analysis, figures: Characterisation, library: str, switching: SwitchingOn
) -> dict[str, Any]:
    memories = _memories(found, library)
    return {
        "name": name,
        **_sizes(found.platform.config),
        "why": "",
        "library": figures.library,
        "clock_hz": 1e12 / figures.period_ps,
        "area_mm2": _areas(found, figures, memories),
        "by_k": _by_k(found, figures, memories, switching),
    }


def _sizes(config: ArrayConfig) -> dict[str, int]:
    return {name: getattr(config, name) for name in ("rows", "cols", "lanes", "planes")}


def _rival(
    found: Analysis, shape: tuple[int, int], name: str, library: str, switching: SwitchingOn
) -> dict[str, Any]:
    """A core of (lanes, planes) with as many 8-bit MACs a cycle, or why there is none."""
    lanes, planes = shape
    elements = found.platform.config.peak_macs / lanes
    empty: dict[str, Any] = {"name": name, "rows": None, "cols": None, "lanes": lanes}
    empty |= {"planes": planes, "library": None, "clock_hz": None, "area_mm2": None, "by_k": []}
    if not float(elements).is_integer():
        return empty | {"why": "no whole number of its PEs has as many MACs a cycle"}
    if (library, lanes, planes) not in available():
        return empty | {"why": f"no figures of its PEs in {library}"}
    figures = load(lanes, planes, library)
    wanted = {int(k) for k in np.unique(found.layer_bits)}
    if not wanted <= set(figures.bits):
        missing = ", ".join(map(str, sorted(wanted - set(figures.bits))))
        return empty | {"why": f"no figures of its PEs at k = {missing} in {library}"}
    rows, cols = square_array(int(elements))
    sizes = {"rows": rows, "cols": cols, "lanes": lanes, "planes": planes}
    try:
        other = analyse(
            found.workload,
            found.platform.with_sizes(sizes),
            found.bits,
            images=found.images,
            goal=found.goal,
        )
    except ValueError as error:
        return empty | {"why": str(error)}
    return _entry(name, other, figures, library, switching)
