"""What is asked of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from truncmac.sim.schedule.schedule import Goal

__all__ = ["ReportRequest"]


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """What is asked of a report; what is None is taken from the platform.

    Attributes
    ----------
    network : a name or a file, as `workload_by_name` takes it
    platform : a name, as `platform_by_name` takes it
    sizes : of the array, by field of `ArrayConfig`; the others are the platform's
    clock_mhz, dram_gbs, activation_kib, weight_kib : MHz, GB/s and KiB
    bits : the bit-widths k, in the order in which they are shown
    images : of a batch
    goal : what each layer's order is chosen for
    energy : a library of the package, a file that `truncmac characterise` wrote, or "none"
    data : the network's images; without them only digits has any
    """

    network: str
    platform: str = "edge"
    sizes: Mapping[str, int] = field(default_factory=dict)
    clock_mhz: float | None = None
    dram_gbs: float | None = None
    activation_kib: float | None = None
    weight_kib: float | None = None
    bits: Sequence[int] = (8, 4, 2, 1)
    images: int = 1
    goal: Goal = "time"
    energy: str = "none"
    data: Path | None = None
