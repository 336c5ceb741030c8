"""What `truncmac fpga` does: place and route, and a table of what came out."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from truncmac.hw.config import ArrayConfig
from truncmac.sim.explore.folder import read_designs
from truncmac.sim.fpga.jobs import FpgaJob, FpgaOutcome, place_all
from truncmac.sim.fpga.report import FpgaReport
from truncmac.sim.fpga.route import RouteSettings, place_and_route
from truncmac.terminal import Terminal, new_table

from .progress import progress_bar

__all__ = ["FpgaRequest", "fpga", "fpga_all"]

NAMES = {"luts": "LUTs", "ffs": "flip-flops", "dsps": "DSPs 18x18", "brams": "block RAMs"}
console = Terminal()


@dataclass(frozen=True, kw_only=True)
class FpgaRequest:
    """How arrays are placed and routed.

    Attributes
    ----------
    settings : device, clock and seed
    out : the folder to write to; of several arrays, with a folder of each
    """

    settings: RouteSettings = field(default_factory=RouteSettings)
    out: Path = Path("build/fpga")


def fpga(config: ArrayConfig, request: FpgaRequest, *, as_json: bool) -> None:
    """Place and route an array, and print what it takes of the device."""
    with Terminal(stderr=True).status("") as progress:
        report = place_and_route(
            config,
            request.out,
            request.settings,
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
        f"in {request.out}",
        soft_wrap=True,
    )


def fpga_all(
    designs: Path,
    request: FpgaRequest,
    *,
    resume: bool,
    scheduler: str | None,
    workers: int | None,
    as_json: bool,
) -> bool:
    """Place and route the arrays of a front.json, and print them; False if one failed.

    Parameters
    ----------
    resume : keep results that are there
    scheduler : address of a Dask scheduler, or None
    workers : processes; 0: this one; None: one for each core
    """
    jobs = [FpgaJob(config, request.settings) for config in read_designs(designs)]
    count = min(os.cpu_count() or 1, len(jobs)) if workers is None else workers
    with progress_bar(console, quiet=as_json) as progress:
        task = progress.add_task("Placing and routing", total=len(jobs))
        found = place_all(
            jobs,
            request.out,
            resume=resume,
            scheduler=scheduler,
            workers=count if len(jobs) > 1 else 0,
            on_done=lambda outcome: progress.update(task, advance=1),
        )
    if as_json:
        print(json.dumps([_entry(outcome) for outcome in found], indent=2))
    else:
        console.print(_tables_of_all(found))
        for outcome in found:
            if outcome.error:
                console.print(f"{outcome.job.name}: {outcome.error}", soft_wrap=True)
        console.print(f"Written: a folder of each in {request.out}", soft_wrap=True)
    return not any(outcome.error for outcome in found)


def _entry(outcome: FpgaOutcome) -> dict[str, Any]:
    if outcome.error:
        return {"name": outcome.job.name, "error": outcome.error}
    return {"name": outcome.job.name, "reused": outcome.reused, **outcome.description}


def _tables_of_all(found: Sequence[FpgaOutcome]) -> Table:
    """A line for each array."""
    words = ("rows x cols", "lanes", "planes")
    table = new_table((*words, "requantisers", *NAMES.values(), "MHz", ""), words=words)
    for outcome in found:
        config = outcome.job.config
        sizes = [f"{config.rows} x {config.cols}", str(config.lanes), str(config.planes)]
        cells = ["failed"] + [""] * len(NAMES)
        if not outcome.error:
            report = outcome.report
            cells = [f"{report.array[kind]:,}" for kind in NAMES]
            cells.append(f"{report.fmax_mhz:.1f}")
        reused = "was there" if outcome.reused else ""
        table.add_row(*sizes, str(config.requantisers), *cells, reused)
    return table


def _table(report: FpgaReport) -> Table:
    """A line for each kind of thing that an FPGA has."""
    rows = []
    for kind, name in NAMES.items():
        used, available = report.array[kind], report.available[kind]
        rows.append(
            [
                *(name, f"{used:,}", f"{report.wrapper[kind]:,}"),
                *(f"{available:,}", f"{used / available:.1%}"),
            ]
        )
    caption = "The wrapper feeds the core from one pin and folds its outputs into another"
    columns = ("", "array", "wrapper", "device", "array's share")
    return new_table(columns, rows, words=("",), caption=caption)
