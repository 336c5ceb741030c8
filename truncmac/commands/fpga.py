"""What `truncmac fpga` does: place and route, and a table of what came out."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from truncmac.hw.config import ArrayConfig
from truncmac.sim.explore.folder import read_designs
from truncmac.sim.fpga.jobs import FpgaJob, FpgaOutcome, place_all
from truncmac.sim.fpga.route import FpgaReport, place_and_route
from truncmac.terminal import STYLE, Terminal

from .common import progress_bar

__all__ = ["Where", "fpga", "fpga_all"]

NAMES = {"luts": "LUTs", "ffs": "flip-flops", "dsps": "DSPs 18x18", "brams": "block RAMs"}
console = Terminal()


@dataclass(frozen=True)
class Where:
    """How many arrays are run.

    Attributes
    ----------
    resume : keep results that are there
    scheduler : address of a Dask scheduler, or None
    workers : processes; 0: this one; None: one for each core
    """

    resume: bool = False
    scheduler: str | None = None
    workers: int | None = None


def fpga(
    config: ArrayConfig,
    device: str,
    target_mhz: float,
    seed: int,
    dsps: bool,
    out: Path,
    as_json: bool,
) -> None:
    """Place, route and print."""
    status = Terminal(stderr=True)
    with status.status("") as progress:
        report = place_and_route(
            config,
            out,
            device=device,
            target_mhz=target_mhz,
            seed=seed,
            dsps=dsps,
            on_step=lambda what: progress.update(f"{what} ..."),
        )
    if as_json:
        print(json.dumps(vars(report), indent=2))
        return
    console.print(
        f"{config.rows} x {config.cols} PEs, {config.lanes} lanes x {config.planes} planes on an "
        f"{report.device}: {report.fmax_mhz:.1f} MHz",
        soft_wrap=True,
    )
    console.print(_table(report))
    console.print(
        f"Written: design.v, netlist.json, design.config, design.bit, timing.json and fpga.json "
        f"in {out}",
        soft_wrap=True,
    )


def fpga_all(
    designs: Path,
    device: str,
    target_mhz: float,
    seed: int,
    dsps: bool,
    out: Path,
    run: Where,
    as_json: bool,
) -> bool:
    """Place and route the arrays of a front.json, and print them; False if one failed."""
    jobs = [FpgaJob(c, device, target_mhz, seed, dsps) for c in read_designs(designs)]
    workers = min(os.cpu_count() or 1, len(jobs)) if run.workers is None else run.workers
    with progress_bar(console, quiet=as_json) as progress:
        task = progress.add_task("Placing and routing", total=len(jobs))
        found = place_all(
            jobs,
            out,
            resume=run.resume,
            scheduler=run.scheduler,
            workers=workers if len(jobs) > 1 else 0,
            on_done=lambda outcome: progress.update(task, advance=1),
        )
    if as_json:
        print(json.dumps([_entry(outcome) for outcome in found], indent=2))
    else:
        console.print(_tables_of_all(found))
        for outcome in found:
            if outcome.error:
                console.print(f"{outcome.job.name}: {outcome.error}", soft_wrap=True)
        console.print(f"Written: a folder of each in {out}", soft_wrap=True)
    return not any(outcome.error for outcome in found)


def _entry(outcome: FpgaOutcome) -> dict[str, Any]:
    if outcome.error:
        return {"name": outcome.job.name, "error": outcome.error}
    return {"name": outcome.job.name, "reused": outcome.reused, **outcome.report}


def _tables_of_all(found: Sequence[FpgaOutcome]) -> Table:
    table = Table("rows x cols", "lanes", "planes", **STYLE)
    for name in ("requantisers", *NAMES.values(), "MHz", ""):
        table.add_column(name, justify="right")
    for outcome in found:
        config = outcome.job.config
        sizes = [f"{config.rows} x {config.cols}", str(config.lanes), str(config.planes)]
        cells = ["failed"] + [""] * len(NAMES)
        if not outcome.error:
            report = outcome.report
            cells = [f"{report['used'][k] - report['wrapper'][k]:,}" for k in NAMES]
            cells.append(f"{report['fmax_mhz']:.1f}")
        reused = "was there" if outcome.reused else ""
        table.add_row(*sizes, str(config.requantisers), *cells, reused)
    return table


def _table(report: FpgaReport) -> Table:
    table = Table("", **STYLE)
    for name in ("array", "wrapper", "device", "array's share"):
        table.add_column(name, justify="right")
    for kind, name in NAMES.items():
        used, wrapper = report.used[kind], report.wrapper[kind]
        share = (used - wrapper) / report.available[kind]
        table.add_row(
            *(name, f"{used - wrapper:,}", f"{wrapper:,}"),
            *(f"{report.available[kind]:,}", f"{share:.1%}"),
        )
    table.caption = "The wrapper feeds the core from one pin and folds its outputs into another"
    return table
