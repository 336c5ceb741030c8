"""How fast the memory beside the NPU answers, and how often it pauses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from truncmac.sim.cycles.npu.bus import MOST_LATENCY

__all__ = ["CHANNELS", "PROMPT", "Pauses"]

CHANNELS = ("ar", "r", "aw", "w", "b")  # of AXI4


@dataclass(frozen=True)
class Pauses:
    """The memory's latency, and the pauses of each channel of its bus.

    Attributes
    ----------
    latency : cycles from a request to the first of its answers, at least 1
    shares : by channel the share of cycles, 0.0 to 0.99, in which it pauses at random
    gaps : by channel the cycles that each transfer takes; 1 is full speed
    seed : of the random pauses
    """

    latency: int = 1
    shares: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)
    seed: int = 1

    @classmethod
    def everywhere(cls, share: float, seed: int = 1, latency: int = 1) -> "Pauses":
        """Random pauses that are alike in every channel."""
        return cls(latency=latency, shares=dict.fromkeys(CHANNELS, share), seed=seed)

    def __post_init__(self) -> None:
        if not 1 <= self.latency <= MOST_LATENCY:
            raise ValueError(f"Latency must be in 1..{MOST_LATENCY}, not {self.latency}")
        for name in (*self.shares, *self.gaps):
            if name not in CHANNELS:
                known = ", ".join(CHANNELS)
                raise ValueError(f"Channel must be one of {known}, not {name!r}")
        for name, share in self.shares.items():
            if not 0 <= share < 1:
                raise ValueError(f"Share of pauses of {name} must be in 0.0..0.99, not {share}")
        for name, cycles in self.gaps.items():
            if not 1 <= cycles <= 255:
                raise ValueError(f"Cycles a transfer of {name} must be in 1..255, not {cycles}")

    def plusargs(self) -> list[str]:
        """The options by which the harness takes them."""
        pauses = [f"+stall_{name}={int(256 * share)}" for name, share in self.shares.items()]
        gaps = [f"+gap_{name}={cycles}" for name, cycles in self.gaps.items()]
        seed = self.seed % (2**32 - 1) + 1  # of the generator, which must not be 0
        return [f"+latency={self.latency}", *pauses, *gaps, f"+stall_seed={seed}"]


PROMPT = Pauses()
