"""Places and routes many arrays, in this process or on a cluster; results are kept as they come."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.jobs import DaskCluster

from .route import WRITTEN, place_and_route, result_digest

__all__ = ["FpgaJob", "FpgaOutcome", "place_all"]

REPORT = "fpga.json"


@dataclass(frozen=True)
class FpgaJob:
    """An array to place and route; see `place_and_route`."""

    config: ArrayConfig
    device: str
    target_mhz: float
    seed: int
    dsps: bool

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.config.name}_{self.device}{'' if self.dsps else '_luts'}"

    @property
    def digest(self) -> str:
        """Names what the result depends on."""
        return result_digest(self.config, self.device, self.target_mhz, self.seed, self.dsps)


@dataclass(frozen=True)
class FpgaOutcome:
    """What became of a job.

    Attributes
    ----------
    files : content by name, with the report, fpga.json; none if it failed
    error : why it failed, or empty
    reused : the result was there
    """

    job: FpgaJob
    files: dict[str, bytes]
    error: str = ""
    reused: bool = False

    @property
    def report(self) -> dict[str, Any]:
        """Content of fpga.json."""
        found: dict[str, Any] = json.loads(self.files[REPORT])
        return found


def place_all(
    jobs: Iterable[FpgaJob],
    out: Path,
    *,
    resume: bool,
    scheduler: str | None,
    workers: int,
    on_done: Callable[[FpgaOutcome], None] = lambda outcome: None,
) -> list[FpgaOutcome]:
    """Place and route each job; write its files to a folder of its name in `out` as it is done.

    A job that fails, as one too large for the device does, does not stop the others.

    Parameters
    ----------
    resume : leave alone what is in `out` already, made from the same Verilog, settings and tools
    scheduler : address of a Dask scheduler, or None
    workers : processes of this machine; 0: this one
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
        for name in (*WRITTEN, REPORT):  # the report comes last: with it a result is whole
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
    """Run a job where this is called."""
    with tempfile.TemporaryDirectory(prefix="fpga_") as name:
        folder = Path(name)
        try:
            place_and_route(
                job.config,
                folder,
                device=job.device,
                target_mhz=job.target_mhz,
                seed=job.seed,
                dsps=job.dsps,
            )
        except RuntimeError as error:
            return FpgaOutcome(job, {}, str(error))
        return FpgaOutcome(job, {file: (folder / file).read_bytes() for file in (*WRITTEN, REPORT)})


def _kept(job: FpgaJob, out: Path) -> FpgaOutcome | None:
    folder = out / job.name
    try:
        found = json.loads((folder / REPORT).read_bytes())
        if found["digest"] != job.digest:
            return None
        files = {file: (folder / file).read_bytes() for file in (*WRITTEN, REPORT)}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return FpgaOutcome(job, files, reused=True)
