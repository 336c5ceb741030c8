"""Constants of the core's control: how many cycles pass between what it does."""

from dataclasses import dataclass

from truncmac.hw.output_unit import OutputUnit
from truncmac.hw.row_sum import RowSum

__all__ = ["BANKS", "FIFO_DEPTH", "RESTART", "Latencies"]

BANKS = 2  # sets of parameters that the core holds
FIFO_DEPTH = 2  # words of results and of residual codes that the core's edge holds
RESTART = 3  # cycles from a job's last active one to the first of the next job


@dataclass(frozen=True)
class Latencies:
    """Steps from a tile's end, when its last chunk enters the array, to what follows from it.

    captured : until its first row has left the array's rows and starts to drain
    residual : until its first row takes residual codes
    part : until the first part of its first row of results leaves the output edge
    left : until the core is idle again, apart from results that are not taken
    released : until the set of parameters before the one that it claimed may be overwritten
    """

    captured: int
    residual: int
    part: int
    left: int
    released: int

    @classmethod
    def of(cls, departures: int, depth: int, passage: int, share: int) -> "Latencies":
        """Return the latencies of an array `depth` clusters deep.

        They follow from `hw.core` and `hw.edge`; `hw.config` defines the others.
        """
        captured = depth - 1 + RowSum.LATENCY
        residual = captured + 1
        part = residual + passage + OutputUnit.LATENCY + 1 - share
        left = captured + (departures - 1) * share + 2 + passage + OutputUnit.LATENCY
        return cls(captured, residual, part, left, released=captured + passage + 2)
