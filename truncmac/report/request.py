"""What is asked of a report, and the platform that it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from truncmac.sim.schedule.platforms import Memory, Platform, platform_by_name
from truncmac.sim.schedule.schedule import Goal

__all__ = ["ReportRequest", "platform_of"]

KIB = 1024  # bytes


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


def platform_of(request: ReportRequest) -> Platform:
    """The platform with what the request changes of it."""
    platform = platform_by_name(request.platform).with_sizes(request.sizes)
    own = platform.memory
    memory = Memory(
        _bytes(request.activation_kib, own.activation_bytes),
        _bytes(request.weight_kib, own.weight_bytes),
        own.dram_bytes_per_s if request.dram_gbs is None else request.dram_gbs * 1e9,
    )
    clock = platform.clock_hz if request.clock_mhz is None else request.clock_mhz * 1e6
    return replace(platform, clock_hz=clock, memory=memory)


def _bytes(kib: float | None, default: int) -> int:
    if kib is None:
        return default
    if not 0 < kib < 1 << 30:
        raise ValueError(f"A scratchpad must have more than 0 and less than 2**30 KiB, not {kib}")
    return round(kib * KIB)
