"""Pauses of the core's streams: by a rule, and at random."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

from truncmac.hw.streams import STREAMS

__all__ = ["NO_STALLS", "Gaps", "Stalls"]

# Which byte of the harness' noise each stream draws
NOISE_BYTES = {
    "tiles": 0,
    "activations": 1,
    "weights": 2,
    "results": 3,
    "parameters": 4,
    "residuals": 5,
}
GAPPED = ("activations", "weights", "parameters", "residuals", "results")
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Gaps:
    """Cycles that each stream needs for a word; 1 is full speed.

    An input gives its next word so many cycles after one was taken, and results are taken when
    they have been offered for so long, as on a bus that needs several transfers for a word.
    """

    activations: int = 1
    weights: int = 1
    parameters: int = 1
    residuals: int = 1
    results: int = 1

    def __post_init__(self) -> None:
        for name in GAPPED:
            cycles = getattr(self, name)
            if not 1 <= cycles <= 255:
                raise ValueError(f"Cycles a word of {name} must be in 1..255, not {cycles}")


@dataclass(frozen=True)
class Stalls:
    """Share of cycles, 0.0 to 0.99, in which each stream pauses at random, and the random seed.

    The pauses by a rule, `gaps`, come on top of these.
    """

    tiles: float = 0.0
    activations: float = 0.0
    weights: float = 0.0
    parameters: float = 0.0
    residuals: float = 0.0
    results: float = 0.0
    seed: int = 1
    gaps: Gaps = field(default_factory=Gaps)

    @classmethod
    def everywhere(cls, share: float, seed: int = 1) -> "Stalls":
        """Return stalls that are alike for every stream."""
        return cls(**dict.fromkeys(STREAMS, share), seed=seed)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        for name in STREAMS:
            share = getattr(self, name)
            if not 0 <= share < 1:
                raise ValueError(f"Stall share of {name} must be in 0.0..0.99, not {share}")

    @property
    def random(self) -> bool:
        """Whether some stream pauses at random."""
        return any(self.thresholds.values())

    @property
    def thresholds(self) -> dict[str, int]:
        """Pauses of each stream in 256 cycles, on average."""
        return {name: int(256 * getattr(self, name)) for name in STREAMS}

    @property
    def noise_seed(self) -> int:
        """The lower half of the generator's first state, 32 bits that are not zero."""
        return self.seed % (2**32 - 1) + 1

    def plusargs(self) -> list[str]:
        """Return the options by which the harness takes them."""
        args = [f"+stall_{name}={pauses}" for name, pauses in self.thresholds.items()]
        args += [f"+gap_{name}={getattr(self.gaps, name)}" for name in GAPPED]
        return [*args, f"+stall_seed={self.noise_seed}"]

    def draws(self) -> Iterator[dict[str, bool]]:
        """Yield for each cycle whether each stream may go on if it draws in that cycle.

        The xorshift generator is the harness' (Marsaglia, 2003).
        """
        if not self.random:
            yield from repeat(dict.fromkeys(NOISE_BYTES, True))
        noise = 0x9E3779B9 << 32 | self.noise_seed
        thresholds = self.thresholds
        while True:
            noise ^= noise << 13 & MASK
            noise ^= noise >> 7
            noise ^= noise << 17 & MASK
            yield {
                name: (noise >> 8 * byte & 255) >= thresholds[name]
                for name, byte in NOISE_BYTES.items()
            }


NO_STALLS = Stalls()
