"""What `truncmac fpga` does: place and route, and a table of what came out."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from truncmac.hw.config import ArrayConfig
from truncmac.sim.fpga import FpgaReport, place_and_route

from .commands import STYLE

__all__ = ["fpga"]

NAMES = {"luts": "LUTs", "ffs": "flip-flops", "dsps": "DSPs 18x18", "brams": "block RAMs"}
console = Console(highlight=False)


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
    status = Console(stderr=True, highlight=False)
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
