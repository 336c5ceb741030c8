"""The core's control, cycle by cycle: an executable model of what happens when.

It holds no data, only valid, ready and counts, and follows any pattern of stalls; its counters
equal the RTL's. `closed_form` has the same as formulas, for streams that pause by a rule.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.counters import COUNTERS
from truncmac.sim.stalls import NO_STALLS, Stalls

from .job import Job
from .latencies import BANKS, FIFO_DEPTH, Latencies
from .pause import Pause
from .strides import Strides

__all__ = ["Control", "control_counters"]


class Control:
    """The core's registers of control, and the streams around it.

    What follows a tile's end at a fixed distance is counted in steps: a step is a cycle in which
    the output does not hold the array.

    Parameters
    ----------
    config : ArrayConfig
    jobs : the jobs, which run one after the other
    stalls : pauses of the streams
    together : number of jobs that follow each other without a pause, before the core becomes idle
    """

    def __init__(
        self, config: ArrayConfig, jobs: Sequence[Job], stalls: Stalls, together: int = 1
    ) -> None:
        self.config = config
        self.jobs = jobs
        self.together = together
        self.work = Job(1, 1, 1, 1)  # job of the tile at work; at first there is none
        self.latencies = Latencies.of(config.departures, config.depth, config.passage, config.share)
        self.parameters_left = sum(j.column_tiles for j in jobs if j.fresh) * config.cols
        self.residuals_left = sum(j.tiles for j in jobs if j.residual) * config.departures
        self.pauses: dict[str, Pause] = {"tiles": Pause(1)}
        for name in ("activations", "weights", "parameters", "residuals"):
            self.pauses[name] = Pause(getattr(stalls.gaps, name))
        self.pauses["results"] = Pause(stalls.gaps.results, sink=True)
        self.draws = stalls.draws()

        self.steps = 0
        self.busy = False
        self.fresh = False  # whether the tile at work claims a set of parameters
        self.beat, self.chunk, self.wait = 1, 0, 0
        self.free_sets, self.whole_sets, self.parameter = BANKS, 0, 0
        self.set_used = False
        self.results = self.residuals = 0  # words in the edge's buffers
        # Steps at which these are due
        self.parts: deque[int] = deque()
        self.residual_rows: deque[int] = deque()
        self.releases: deque[int] = deque()
        self.left = 0  # step at which all tiles have left
        self.clear()
        self.repeats = not stalls.random

    @property
    def active(self) -> bool:
        """Whether a tile is at work, or a result is not taken yet."""
        return self.busy or self.steps < self.left or self.results > 0

    def run(self) -> Iterator[Mapping[str, int]]:
        """Yield the counters each time the core becomes idle."""
        for first in range(0, len(self.jobs), self.together):
            *others, last = self.jobs[first : first + self.together]
            yield self._run(last, others)
            self.pass_cycle(last, last.tiles)  # the host sees in it that the core is idle

    def _run(self, last: Job, others: Sequence[Job] = ()) -> Mapping[str, int]:
        """Run `others`, then `last`, until the core is idle."""
        self.clear()
        jobs = [*others, last]
        for index, job in enumerate(jobs, 1):
            strides = Strides(self, job)
            accepted = 0
            while accepted < job.tiles or (index == len(jobs) and self.active):
                if self.repeats and self.busy and self.chunk == 0 and accepted:
                    accepted += strides.skip(accepted)
                accepted += self.pass_cycle(job, accepted)
        return self.counts

    def clear(self) -> None:
        """Set the counters to zero."""
        self.counts = dict.fromkeys(COUNTERS, 0)

    def relative_state(self) -> tuple[int, ...]:
        """Return all that decides what happens next, apart from how much is left to do."""
        dues = (self.parts, self.residual_rows, self.releases)
        steps = tuple(due - self.steps for queue in dues for due in (*queue, self.steps - 1))
        levels = (self.wait, self.results, self.residuals, max(self.left - self.steps, 0))
        sets = (self.free_sets, self.whole_sets, self.parameter, self.set_used, self.fresh)
        return (*steps, *levels, *sets, *(pause.left for pause in self.pauses.values()))

    def totals(self) -> dict[str, int]:
        """Return all numbers that only count."""
        left = {"parameters": -self.parameters_left, "residuals": -self.residuals_left}
        return {**self.counts, **left, "steps": self.steps}

    def repetitions(self, change: Mapping[str, int], job: Job) -> int:
        """Return how often `change` may be added before a stream that is read ahead ends."""
        ends = [
            (self.parameters_left - BANKS * self.config.cols, change["parameters"]),
            (self.residuals_left - FIFO_DEPTH - 1, change["residuals"]),
        ]
        return min((max(left // each, 0) for left, each in ends if each), default=1 << 62)

    def leap(self, change: Mapping[str, int], times: int) -> None:
        """Pass `times` repetitions of `change`."""
        for name in COUNTERS:
            self.counts[name] += times * change[name]
        self.parameters_left -= times * change["parameters"]
        self.residuals_left -= times * change["residuals"]
        steps = times * change["steps"]
        self.steps += steps
        self.left += steps
        for queue in (self.parts, self.residual_rows, self.releases):
            for index in range(len(queue)):
                queue[index] += steps

    def pass_cycle(self, job: Job, accepted: int) -> bool:
        """Pass a cycle, after `accepted` tiles of `job` were taken; return whether one is."""
        part = bool(self.parts) and self.parts[0] == self.steps
        row = bool(self.residual_rows) and self.residual_rows[0] == self.steps
        held = (part and self.results == FIFO_DEPTH) or (row and self.residuals == 0)
        first, ends = self.chunk == 0, self._ends()
        waits = self._waits() if self.busy and not held else "held"
        step = not waits
        self._count(waits, held, first, step and ends)

        taken = {
            "tiles": (not self.busy or (step and ends))
            and accepted < job.tiles
            and self.pauses["tiles"].go,
            "activations": step and first,
            "weights": step,
            "parameters": self.pauses["parameters"].go
            and self.parameters_left > 0
            and self.free_sets > 0,
            "residuals": self.pauses["residuals"].go
            and self.residuals_left > 0
            and self.residuals < FIFO_DEPTH,
            "results": self.results > 0 and self.pauses["results"].go,
        }
        offered = self.results > 0
        if step and ends:
            self._end()
        self._load(taken["parameters"], step and ends and self.fresh, held)
        self._edge(part and not held, row and not held, taken)
        self._sequence(job, step, ends, held, taken["tiles"], accepted)
        self.steps += not held
        draws = next(self.draws)
        for name, pause in self.pauses.items():
            pause.tick(draws[name], taken=taken[name], offered=offered)
        return taken["tiles"]

    def _ends(self) -> bool:
        return self._beat_ends() and self.beat == self.work.beats

    def _beat_ends(self) -> bool:
        return self.chunk == chunk_count(self.work.bits, self.config.planes) - 1

    def _waits(self) -> str:
        """Return what the tile at work waits for; "" if its next chunk enters in this cycle."""
        if self.chunk == 0 and not self.pauses["activations"].go:
            return "activations"
        if not self.pauses["weights"].go:
            return "weights"
        if self._ends():
            if self.fresh and self.whole_sets == 0:
                return "parameters"
            if self.wait:
                return "drain"
        return ""

    def _count(self, waits: str, held: bool, first: bool, ends: bool) -> None:
        self.counts["cycles"] += self.active
        self.counts["busy"] += self.busy
        self.counts["stalled_output"] += self.active and held
        if not waits:
            self.counts["chunks"] += 1
            self.counts["beats"] += first
            self.counts["tiles"] += ends
        elif waits != "held":
            self.counts[f"stalled_{waits}"] += 1

    def _end(self) -> None:
        """Note at which steps the consequences of a tile's end are due."""
        share, interval = self.config.share, self.config.interval
        due = self.latencies
        self.parts.extend(range(self.steps + due.part, self.steps + due.part + interval))
        if self.work.residual:
            begin = self.steps + due.residual
            self.residual_rows.extend(range(begin, begin + interval, share))
        if self.fresh:
            if self.set_used:
                self.releases.append(self.steps + due.released)
            self.set_used = True
        self.left = self.steps + 1 + due.left

    def _load(self, taken: bool, claimed: bool, held: bool) -> None:
        """Fill and claim sets of parameters."""
        whole = taken and self.parameter == self.config.cols - 1
        if taken:
            self.parameters_left -= 1
            self.parameter = 0 if whole else self.parameter + 1
        released = not held and bool(self.releases) and self.releases[0] == self.steps
        if released:
            self.releases.popleft()
        self.whole_sets += whole - claimed
        self.free_sets += released - whole

    def _edge(self, part: bool, row: bool, taken: Mapping[str, bool]) -> None:
        """Move words through the two buffers at the edge."""
        if part:
            self.parts.popleft()
        if row:
            self.residual_rows.popleft()
        self.results += part - taken["results"]
        self.residuals += taken["residuals"] - row
        self.residuals_left -= taken["residuals"]

    def _sequence(
        self, job: Job, step: bool, ends: bool, held: bool, taken: bool, accepted: int
    ) -> None:
        """Go on to the next chunk, beat and tile."""
        if step and ends:
            self.wait = self.config.interval - 1
        elif not held and self.wait:
            self.wait -= 1
        if not self.busy or (step and ends):
            self.busy = taken
            self.work = job if taken else self.work
            self.fresh = job.fresh and accepted % job.row_tiles == 0
            self.beat, self.chunk = 1, 0
        elif step:
            last = self._beat_ends()
            self.beat += last
            self.chunk = 0 if last else self.chunk + 1


def control_counters(
    config: ArrayConfig, jobs: Sequence[Job], stalls: Stalls = NO_STALLS, *, together: int = 1
) -> list[Mapping[str, int]]:
    """Return the core's counters at the end of each group of `together` jobs."""
    return list(Control(config, jobs, stalls, together).run())
