"""`truncmac rtl`: the hardware as Verilog."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from truncmac.hw.config import ArrayConfig

from .options import AsJson, with_array
from .outputs import output_folder

__all__ = ["rtl"]

BUS_WIDTH = 64


@with_array
def rtl(
    config: ArrayConfig,
    top: Annotated[
        Literal["core", "axi"],
        typer.Option(
            help="What the top module's ports are: plain streams (core), or AXI4-Stream with "
            "AXI4-Lite registers (axi)."
        ),
    ] = "core",
    bus_width: Annotated[
        int | None,
        typer.Option(
            help="Width in bits of the AXI4-Streams of --top axi: 32, 64 (default), 128, 256 or "
            "512."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/rtl"
    ),
    as_json: AsJson = False,
) -> None:
    """Write the hardware as Verilog-2005, and for --top axi its registers in C and Markdown."""
    from truncmac.commands.rtl import rtl

    if top == "core" and bus_width is not None:
        raise ValueError("--bus-width is for --top axi: the core has plain streams")
    if top == "axi" and bus_width is None:
        bus_width = BUS_WIDTH
    rtl(config, bus_width=bus_width, out=out, as_json=as_json)
