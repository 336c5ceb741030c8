"""Places and routes many arrays, in this process or on a cluster, and keeps each as it is done."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.jobs import DaskCluster

from .report import REPORT_FILE, FpgaReport
from .route import WRITTEN, RouteSettings, place_and_route, result_digest

__all__ = ["FpgaJob", "FpgaOutcome", "place_all"]


@dataclass(frozen=True)
class FpgaJob:
    """An array to place and route."""

    config: ArrayConfig
    settings: RouteSettings

    @property
    def name(self) -> str:
        """The name of its folder."""
        multipliers = "" if self.settings.dsps else "_luts"
        return f"{self.config.name}_{self.settings.device}{multipliers}"

    @property
    def digest(self) -> str:
        """A name for all that the result depends on."""
        return result_digest(self.config, self.settings)


@dataclass(frozen=True)
class FpgaOutcome:
    """What became of a job.

    Attributes
    ----------
    files : contents by name, fpga.json among them; empty if the job failed
    error : why it failed, or empty
    reused : whether the result was there already
    """

    job: FpgaJob
    files: dict[str, bytes]
    error: str = ""
    reused: bool = False

    @property
    def description(self) -> dict[str, Any]:
        """The content of fpga.json: the report, and what it was made from."""
        found: dict[str, Any] = json.loads(self.files[REPORT_FILE])
        return found

    @property
    def report(self) -> FpgaReport:
        """The report."""
        return FpgaReport.of(self.description)


def place_all(
    jobs: Iterable[FpgaJob],
    out: Path,
    *,
    resume: bool,
    scheduler: str | None,
    workers: int,
    on_done: Callable[[FpgaOutcome], None] = lambda outcome: None,
) -> list[FpgaOutcome]:
    """Place and route each job; its files go to a folder of its name in `out` when it is done.

    A job that fails, for example because it is too large for the device, does not stop the others.

    Parameters
    ----------
    resume : whether to keep results that are in `out` already, if they were made from the same
        Verilog, settings and tools
    scheduler : address of a Dask scheduler, or None
    workers : number of processes on this machine; 0: this process
    on_done : called with the outcome of each job

    Returns
    -------
    list of FpgaOutcome
        Those of all jobs, by their names.
    """
    outcomes = []
    missing = []
    for job in jobs:
        kept = _kept(job, out) if resume else None
        if kept is None:
            missing.append(job)
        else:
            outcomes.append(kept)
            on_done(kept)
    for outcome in _run(missing, scheduler, workers):
        for name in (*WRITTEN, REPORT_FILE):  # the report comes last: with it a result is whole
            if outcome.files:
                write_bytes(out / outcome.job.name / name, outcome.files[name])
        outcomes.append(outcome)
        on_done(outcome)
    return sorted(outcomes, key=lambda outcome: outcome.job.name)


def _run(jobs: list[FpgaJob], scheduler: str | None, workers: int) -> Iterator[FpgaOutcome]:
    if not jobs:
        return
    if scheduler is None and workers == 0:
        yield from map(_placed, jobs)
        return
    with DaskCluster.connect(scheduler, workers) as cluster:
        yield from cluster.map(_placed, jobs)


def _placed(job: FpgaJob) -> FpgaOutcome:
    """Run a job in the process that calls this."""
    with tempfile.TemporaryDirectory(prefix="fpga_") as name:
        folder = Path(name)
        try:
            place_and_route(job.config, folder, job.settings)
        except RuntimeError as error:
            return FpgaOutcome(job, {}, str(error))
        return FpgaOutcome(job, _contents(folder))


def _contents(folder: Path) -> dict[str, bytes]:
    """What place and route wrote to a folder, by name."""
    return {name: (folder / name).read_bytes() for name in (*WRITTEN, REPORT_FILE)}


def _kept(job: FpgaJob, out: Path) -> FpgaOutcome | None:
    """The outcome that is in `out` already; None if it is not there, damaged, or of another job."""
    folder = out / job.name
    try:
        found = json.loads((folder / REPORT_FILE).read_bytes())
        if found["digest"] != job.digest:
            return None
        return FpgaOutcome(job, _contents(folder), reused=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None
