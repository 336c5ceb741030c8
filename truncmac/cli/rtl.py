"""`truncmac rtl`: the hardware as Verilog."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, Sizes, with_hardware
from .outputs import output_folder

__all__ = ["rtl"]

BUS_WIDTH = 64


@with_hardware
def rtl(
    sizes: Sizes,
    top: Annotated[
        Literal["core", "axi", "npu"],
        typer.Option(
            help="What is written: the core with its plain streams (core), with AXI4-Stream and "
            "AXI4-Lite registers around it (axi), or the NPU, which reads and writes the memory "
            "itself as an AXI4 master (npu)."
        ),
    ] = "core",
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/rtl"
    ),
    as_json: AsJson = False,
) -> None:
    """Write the hardware as Verilog-2005, and beside a top with registers these in C and Markdown.

    The bus of --top axi has 32, 64 (default), 128, 256 or 512 bits.
    """
    from truncmac.commands.rtl import RtlRequest, rtl

    if top != "npu":
        sizes.check_unused("--top npu", ("bus_width",))
    if top == "core":
        sizes.check_unused("--top axi and --top npu: the core has plain streams")
    request = RtlRequest(
        config=sizes.npu() if top == "npu" else sizes.core(),
        bus_width=sizes.around.get("bus_width", BUS_WIDTH) if top == "axi" else None,
        out=out,
    )
    rtl(request, as_json=as_json)
