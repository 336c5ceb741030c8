"""What surrounds an array: its scratchpads, DRAM and clock; and some platforms by name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from truncmac.hw.config import ArrayConfig

__all__ = ["KIB", "PLATFORMS", "Memory", "Platform", "platform_by_name"]

KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Two levels of memory: scratchpads beside the array, and the DRAM behind them.

    The scratchpads give the array a word of each stream in each cycle. A block of operands is
    loaded into one half while the array works on the other half.

    Attributes
    ----------
    activation_bytes, weight_bytes : sizes of the scratchpads; outputs lie with the activations
    dram_bytes_per_s : bytes that the DRAM sustains, reads and writes together

    Raises
    ------
    ValueError
        If one of them is not more than 0, or not finite.
    """

    activation_bytes: int
    weight_bytes: int
    dram_bytes_per_s: float

    def __post_init__(self) -> None:
        for size in fields(self):
            value = getattr(self, size.name)
            if not 0 < value < math.inf:
                raise ValueError(f"{size.name} must be more than 0 and finite, not {value}")


@dataclass(frozen=True)
class Platform:
    """An array with its clock and its memory.

    Raises
    ------
    ValueError
        If the clock is not more than 0 Hz, or not finite.
    """

    name: str
    config: ArrayConfig = field(default_factory=ArrayConfig)
    clock_hz: float = 200e6
    memory: Memory = field(default_factory=lambda: Memory(128 * KIB, 128 * KIB, 3.2e9))

    def __post_init__(self) -> None:
        if not 0 < self.clock_hz < math.inf:
            raise ValueError(f"The clock must be more than 0 Hz and finite, not {self.clock_hz:g}")

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes that the DRAM moves in a cycle of the array."""
        return self.memory.dram_bytes_per_s / self.clock_hz

    def with_config(self, config: ArrayConfig) -> "Platform":
        """The same clock and memory around another array."""
        return replace(self, config=config)

    def with_sizes(self, sizes: Mapping[str, int]) -> "Platform":
        """The same clock and memory around this array with some `sizes`, by field, changed.

        An array that is changed has the default number of requantisers of its new sizes.
        """
        own = {"requantisers": None} if sizes else {}
        return self.with_config(replace(self.config, **(own | dict(sizes))))

    def with_surroundings(
        self,
        *,
        clock_mhz: float | None = None,
        dram_gbs: float | None = None,
        activation_kib: float | None = None,
        weight_kib: float | None = None,
    ) -> "Platform":
        """The same array in other surroundings; what is None stays as it is.

        Parameters
        ----------
        clock_mhz, dram_gbs, activation_kib, weight_kib : in MHz, GB/s and KiB

        Raises
        ------
        ValueError
            If one of them is not more than 0, or so large that it means nothing.
        """
        own = self.memory
        memory = Memory(
            _bytes(activation_kib, own.activation_bytes),
            _bytes(weight_kib, own.weight_bytes),
            own.dram_bytes_per_s if dram_gbs is None else dram_gbs * 1e9,
        )
        clock = self.clock_hz if clock_mhz is None else clock_mhz * 1e6
        return replace(self, clock_hz=clock, memory=memory)


def _bytes(kib: float | None, default: int) -> int:
    if kib is None:
        return default
    if not 0 < kib < 1 << 30:
        raise ValueError(f"A scratchpad must have more than 0 and less than 2**30 KiB, not {kib}")
    return round(kib * KIB)


PLATFORMS: Mapping[str, Platform] = {
    platform.name: platform
    for platform in (
        # A microcontroller's accelerator: one 16-bit channel of LPDDR4-3200, half of its peak
        Platform("edge", ArrayConfig(8, 8, 8, 1), 200e6, Memory(128 * KIB, 128 * KIB, 3.2e9)),
        # A small FPGA board: one 16-bit channel of DDR3-1066
        Platform("fpga", ArrayConfig(16, 16, 8, 1), 100e6, Memory(256 * KIB, 256 * KIB, 2.1e9)),
        # A tile of a datacentre chip: a share of a stack of HBM2
        Platform(
            "datacentre", ArrayConfig(64, 64, 16, 1), 1e9, Memory(4096 * KIB, 4096 * KIB, 1e11)
        ),
    )
}


def platform_by_name(name: str) -> Platform:
    """The platform of this name.

    Raises
    ------
    ValueError
        If there is none: names the platforms that there are.
    """
    if name not in PLATFORMS:
        raise ValueError(f"Platform must be one of {', '.join(PLATFORMS)}, not {name!r}")
    return PLATFORMS[name]
