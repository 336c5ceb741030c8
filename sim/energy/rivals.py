"""A core beside others of its 8-bit throughput, on the same workload, clock and memories."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from truncmac.sim.schedule.analysis import Analysis, analyse
from truncmac.sim.schedule.folding import square_array

from .efficiency import (
    CoreAreas,
    SwitchingOn,
    WidthEnergy,
    core_areas,
    core_memories,
    energies_by_width,
)
from .figures import available
from .model import Characterisation, load

__all__ = ["RIVALS", "CoreEntry", "cores_beside"]

# Lanes and planes of cores that do not truncate: the low bits of their weights are zeros
RIVALS: Mapping[tuple[int, int], str] = {(1, 8): "MAC", (4, 8): "dot"}


@dataclass(frozen=True)
class CoreEntry:
    """A core of the comparison, or why there is none of its kind.

    Attributes
    ----------
    name : "this", or the kind
    rows, cols, lanes, planes : sizes; None for rows and columns where there is no such core
    why : why there is none, or nothing
    library : the figures' library, corner and voltage
    clock_hz : highest clock by static timing
    area_mm2, by_k : areas, and energies at each k
    """

    name: str
    rows: int | None
    cols: int | None
    lanes: int
    planes: int
    why: str = ""
    library: str | None = None
    clock_hz: float | None = None
    area_mm2: CoreAreas | None = None
    by_k: list[WidthEnergy] = field(default_factory=list)


def cores_beside(
    found: Analysis, model: Characterisation, switching: SwitchingOn
) -> list[CoreEntry]:
    """The core of an analysis, and each of `RIVALS` that is another, with its throughput at k = 8.

    Parameters
    ----------
    switching : what toggles in the layers' data; None of an array: as in the layers measured
    """
    config = found.platform.config
    library = model.figures.provenance.library.label
    return [
        _entry("this", found, model, library, switching),
        *(
            _rival(found, lanes, planes, library, switching)
            for lanes, planes in RIVALS
            if (lanes, planes) != (config.lanes, config.planes)
        ),
    ]


def _entry(
    name: str, found: Analysis, model: Characterisation, library: str, switching: SwitchingOn
) -> CoreEntry:
    config, memories = found.platform.config, core_memories(found, library)
    return CoreEntry(
        name=name,
        rows=config.rows,
        cols=config.cols,
        lanes=config.lanes,
        planes=config.planes,
        library=model.library,
        clock_hz=1e12 / model.period_ps,
        area_mm2=core_areas(found, model, memories),
        by_k=energies_by_width(found, model, memories, switching),
    )


def _rival(
    found: Analysis, lanes: int, planes: int, library: str, switching: SwitchingOn
) -> CoreEntry:
    """A core of these PEs with as many 8-bit MACs a cycle, or why there is none."""
    name = RIVALS[lanes, planes]

    def none(why: str) -> CoreEntry:
        return CoreEntry(name, None, None, lanes, planes, why)

    elements = found.platform.config.peak_macs / lanes
    if not float(elements).is_integer():
        return none("no whole number of its PEs has as many MACs a cycle")
    if (library, lanes, planes) not in available():
        return none(f"no figures of its PEs in {library}")
    model = load(lanes, planes, library)
    wanted = {int(k) for k in np.unique(found.layer_bits)}
    if missing := sorted(wanted - set(model.bits)):
        return none(f"no figures of its PEs at k = {', '.join(map(str, missing))} in {library}")
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
        return none(str(error))
    return _entry(name, other, model, library, switching)
