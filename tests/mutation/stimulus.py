"""What the mutants are run on: products under several kinds of stalls, bad commands, resets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.mutation.directed import counted_gemms, delicate_gemms
from truncmac.golden import Gemm
from truncmac.hw.command import CommandError
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.tile import tile_layout
from truncmac.sim.axi.memories import Memories
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.stalls import NO_STALLS, Gaps, Stalls

__all__ = ["Run", "bad_commands", "command_word", "runs"]

BAD = (
    ({"bits": 0}, CommandError.ZERO_BITS),
    ({"bits": 9}, CommandError.TOO_MANY_BITS),
    ({"bits": 15}, CommandError.TOO_MANY_BITS),
    ({"beats": 0}, CommandError.ZERO_BEATS),
    ({"bits": 0, "beats": 0}, CommandError.ZERO_BITS),
    ({"beats": None}, CommandError.TOO_MANY_BEATS),  # one more than there may be
)
LIMITS = (0, 2, 4, 254, 8, 170, 84, 128)  # no 2**m - 1, but what a command may have
TOO_LONG = (0xFFFF, 0xAAAA, 0x5555)  # so that each bit of the beats counts
JUST_TOO_LONG = (0x10, 0x11, 0x14)  # over before the array has drained the tile before


@dataclass(frozen=True)
class Run:
    """One simulation.

    Attributes
    ----------
    name : also of its folder
    gemms : in the order in which they run
    stalls : of the streams
    reset_at : cycle in which all begins anew, or 0
    bad : tiles in error stand between the products
    too_long : beats of tiles in error, one after each product
    unread : residual codes that the requantisers have multipliers for, and no tile reads
    joined : all tiles are one job, so that none waits until the one before has left
    late : cycles from one set of parameters to the next, at least
    limits : of the codes, in the commands of the products, or none: those of the products
    """

    name: str
    gemms: Sequence[Gemm]
    stalls: Stalls = NO_STALLS
    reset_at: int = 0
    bad: bool = False
    too_long: Sequence[int] = ()
    unread: bool = False
    joined: bool = False
    late: int = 0
    limits: Sequence[int] = ()

    def write(self, config: ArrayConfig, folder: Path) -> list[str]:
        """Write the memories that the bench plays; return its options."""
        folder.mkdir(parents=True, exist_ok=True)
        words = self.words(config)
        for name, values in words.items():
            (folder / f"{name}.hex").write_text("".join(f"{value:x}\n" for value in values))
        options = [f"+{name}={len(values)}" for name, values in words.items()]
        hang = max(1000, 2 * max(self.too_long, default=0))
        options += [f"+reset_at={self.reset_at}", f"+late={self.late}", f"+hang_cycles={hang}"]
        return [*options, *self.stalls.plusargs()]

    def words(self, config: ArrayConfig) -> dict[str, list[int]]:
        """The words of each stream."""
        words: dict[str, list[int]] = {
            name: [] for name in ("tiles", "activations", "weights", "parameters", "residuals")
        }
        for index, gemm in enumerate(self.gemms):
            memories = Memories(config)
            memories.add(gemm)
            changes = {"limit": self.limits[index]} if self.limits else {}
            if self.unread:
                changes["residual"] = 0
                memories.residuals.clear()
            follows = bool(self.too_long) or index < len(self.gemms) - 1
            _product(words, memories, config, changes, joined=self.joined and follows)
            if self.bad:
                _bad_tile(words, memories, config, bad_commands(config)[index % len(BAD)][0])
            if self.too_long:
                joined = self.joined and index < len(self.gemms) - 1
                changes = {"beats": self.too_long[index], "bits": 1}
                _bad_tile(words, memories, config, changes, joined=joined)
        return words

    def outputs(self) -> Iterator[npt.NDArray[np.int64]]:
        """What golden has for each product."""
        for index, gemm in enumerate(self.gemms):
            if self.unread and gemm.residual is not None:
                gemm = replace(gemm, residual=np.zeros_like(gemm.residual))
            outputs = gemm.outputs().astype(np.int64)
            yield np.minimum(outputs, self.limits[index]) if self.limits else outputs


def _integers(blocks: Sequence[np.ndarray]) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for block in blocks for row in block]


def _product(
    words: dict[str, list[int]],
    memories: Memories,
    config: ArrayConfig,
    changes: dict[str, int],
    *,
    joined: bool,
) -> None:
    activations, weights = _integers(memories.activations), _integers(memories.weights)
    for tile in memories.tiles:
        fields = tile.fields
        words["tiles"].append(command_word(fields | changes, tile.last and not joined, config))
        beats, chunks = fields["beats"], chunk_count(fields["bits"], config.planes)
        words["activations"] += activations[tile.activations : tile.activations + beats]
        for beat in range(beats):
            at = tile.weights + beat
            words["weights"] += weights[at : at + chunks * beats : beats]
    words["parameters"] += memories.parameters
    words["residuals"] += _integers(memories.residuals)


def _bad_tile(
    words: dict[str, list[int]],
    memories: Memories,
    config: ArrayConfig,
    changes: dict[str, int],
    *,
    joined: bool = False,
) -> None:
    """Append a tile in error, with the data that it consumes, as a job of its own if not joined."""
    # Parameters of its own where the one before had some, and residual codes
    fields = memories.tiles[0].fields | changes | {"residual": 1}
    words["tiles"].append(command_word(fields, not joined, config))
    beats, bits = fields["beats"], fields["bits"]
    words["activations"] += [0x5A + beat for beat in range(beats)]
    if bits:
        words["weights"] += [3] * (beats * chunk_count(min(bits, 8), config.planes))
    if fields["fresh"]:
        words["parameters"] += memories.parameters[: config.cols]
    words["residuals"] += [0xA5] * config.rows


def bad_commands(config: ArrayConfig) -> list[tuple[dict[str, int], CommandError]]:
    """What makes a command bad, and the error that it gives."""
    most = config.max_beats + 1
    return [({k: most if v is None else v for k, v in c.items()}, error) for c, error in BAD]


def command_word(fields: dict[str, int], last: bool, config: ArrayConfig) -> int:
    """A word of the stream of tiles, as the bench reads it."""
    layout = tile_layout(config)
    return int(last) << layout.size | int(layout.const(fields).as_bits())


def runs(config: ArrayConfig, seed: int = 0) -> list[Run]:
    """All runs; the first kill most, so that the others see few mutants."""

    def draw(number: int, count: int = 2) -> list[Gemm]:
        return random_gemms(config, count=count, seed=seed + number)

    slow = Gaps(activations=3, weights=2, parameters=5, residuals=4, results=1)
    slowest = Gaps(activations=60, weights=12, parameters=60, residuals=40, results=3)
    blocked = Stalls(results=0.8, residuals=0.5, seed=10)
    delicate, sums = delicate_gemms(config, 16, seed=seed + 17), counted_gemms(config, 1)[0]
    mixed = [gemm for some in delicate for gemm in (some, sums)]
    coded = counted_gemms(config, 1)[1:]
    return [
        Run("full_speed", draw(1)),
        Run("stalls", draw(2), Stalls.everywhere(0.3, seed=1)),
        Run("bad", draw(3), Stalls.everywhere(0.2, seed=2), bad=True),
        Run("reset", draw(4), Stalls.everywhere(0.1, seed=3), reset_at=97),
        Run("blocked", draw(5), Stalls(results=0.8, residuals=0.7, seed=4)),
        Run("slow", draw(6, 6), Stalls(gaps=slow)),
        Run("bad_slow", draw(14), Stalls(gaps=slow), bad=True),
        Run("slow_results", draw(7), Stalls(gaps=Gaps(results=9))),
        Run("hungry", draw(8), Stalls(activations=0.7, weights=0.2, seed=5)),
        Run("starved", draw(9), Stalls(weights=0.7, parameters=0.8, tiles=0.5, seed=6)),
        Run("bad_at_full_speed", draw(10), bad=True),
        Run("reset_late", draw(11), reset_at=307),
        Run("delicate", delicate_gemms(config, 24, seed=seed + 15)),
        Run("far", delicate_gemms(config, 40, seed=seed + 20, far=True)),
        Run("unread", delicate_gemms(config, 16, seed=seed + 18), unread=True),
        Run("mixed", mixed, joined=True),
        Run("mixed_blocked", mixed, Stalls(results=0.7, seed=8), joined=True),
        Run("mixed_stalled", mixed, Stalls.everywhere(0.4, seed=9), joined=True),
        Run("limits_blocked", delicate_gemms(config, 8, seed=seed + 19), blocked, limits=LIMITS),
        Run("limits", delicate_gemms(config, 8, seed=seed + 16), limits=LIMITS),
        Run("counted", counted_gemms(config, 21)),
        Run("counted_slow", counted_gemms(config, 6), Stalls(gaps=slowest)),
        Run("more", draw(12, 12), Stalls.everywhere(0.15, seed=7)),
        Run("most", draw(13, 30)),
        *(Run(f"reset_at_{at}", draw(20 + at), reset_at=at) for at in (150, 211, 433, 555)),
        Run("just_too_long", counted_gemms(config, 3), too_long=JUST_TOO_LONG, joined=True),
        Run("too_long", draw(17)[: len(TOO_LONG)], too_long=TOO_LONG),
        Run("too_long_joined", counted_gemms(config, 2), too_long=TOO_LONG, joined=True),
        Run("late_parameters", [*coded, coded[0]], too_long=TOO_LONG, late=70_000),
    ]
