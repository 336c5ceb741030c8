"""`truncmac rtl`: the hardware as Verilog."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig

from .options import one_of, with_array
from .outputs import output_folder

__all__ = ["rtl"]

BUS_WIDTH = 64


@with_array
def rtl(
    config: ArrayConfig,
    top: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("core", "axi"),
            help="core: plain streams; axi: AXI4-Stream and AXI4-Lite registers.",
        ),
    ] = "core",
    bus_width: Annotated[
        int | None,
        typer.Option(help="Bits of the AXI4-Streams of axi: 32, 64 (default), 128, 256 or 512."),
    ] = None,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/rtl"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a line.")] = False,
) -> None:
    """Write the hardware as plain Verilog-2005; for axi its register map too, in C and Markdown."""
    from truncmac.commands.rtl import rtl

    if top not in ("core", "axi"):
        raise ValueError(f"--top must be core or axi, not {top!r}")
    if top == "core" and bus_width is not None:
        raise ValueError("--bus-width is for --top axi: the core has plain streams")
    if top == "axi" and bus_width is None:
        bus_width = BUS_WIDTH
    rtl(config, bus_width=bus_width, out=out, as_json=as_json)
