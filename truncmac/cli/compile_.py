"""`truncmac compile`: a network as programs of the NPU."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.cycles.npu.bus import MOST_LATENCY

from .options import AsJson, KnownNetwork, parse_settings, with_npu
from .outputs import output_folder

__all__ = ["compile_"]


@with_npu
def compile_(
    config: NpuConfig,
    network: KnownNetwork = "digits",
    bits: Annotated[
        str,
        typer.Option(
            "-k",
            "--bits",
            help="Bit-widths, such as 8,4, and files that give each layer a k, such as "
            "mixed.json; all: those that the network has parameters for. Each gets a program.",
        ),
    ] = "all",
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/npu"
    ),
    cycles: Annotated[
        bool, typer.Option("--cycles", help="Count the cycles of an image too, at each k.")
    ] = False,
    latency: Annotated[
        int, typer.Option(min=1, max=MOST_LATENCY, help="Cycles until the memory answers a read.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Compile a network for an NPU of the given sizes: a short program for each k.

    All programs share one image of the weights, of which k bits read the first part. Written are
    program.bin, the bytes of the program's region of the memory; memory_map.json, which says what
    lies where; and truncmac_program.h, the same for a driver in C.

    With --cycles a model counts what the NPU's counters would show after an image, cycle by cycle;
    it needs no simulator, and some seconds for each hundred thousand cycles.
    """
    from truncmac.commands.compile_ import compile_for_npu

    counted = latency if cycles else None
    compile_for_npu(
        network, config, parse_settings(bits), out=out, counted=counted, as_json=as_json
    )
