"""What a report says of a workload's energy: at each k, with memories, and beside other cores."""

from dataclasses import asdict
from typing import Any

from truncmac.sim.schedule.analysis import Analysis

from .efficiency import OPERATIONS, SwitchingOn, core_areas, core_memories, energies_by_width
from .model import Characterisation
from .rivals import cores_beside

__all__ = ["NOT_IN_IT", "energy_summary"]

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
    model: Characterisation,
    switching: SwitchingOn = lambda config: None,
) -> dict[str, Any]:
    """Energies, efficiencies, area and clock of an analysis, and of cores beside it, as for JSON.

    Parameters
    ----------
    switching : what toggles in the layers' data; None of an array: as in the layers measured
    """
    memories = core_memories(found, model.figures.provenance.library.label)
    return {
        "operations_per_mac": OPERATIONS,
        "by_k": [asdict(own) for own in energies_by_width(found, model, memories, switching)],
        "area_mm2": asdict(core_areas(found, model, memories)),
        "memories": asdict(memories),
        "beside": [asdict(entry) for entry in cores_beside(found, model, switching)],
        "not_in_it": list(NOT_IN_IT),
    }
