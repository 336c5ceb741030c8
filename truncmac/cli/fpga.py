"""`truncmac fpga`: an array placed and routed on an ECP5."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig

from .options import one_of, with_array
from .outputs import output_folder

__all__ = ["fpga"]


@with_array
def fpga(
    config: ArrayConfig,
    device: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("25k", "45k", "85k"), help="ECP5 LFE5U part: 25k, 45k or 85k."
        ),
    ] = "85k",
    target_mhz: Annotated[
        float, typer.Option(min=1, help="Clock that place and route aims at.")
    ] = 100.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the placement.")] = 1,
    dsp: Annotated[bool, typer.Option(help="Multiply in DSP blocks where that fits.")] = True,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/fpga"
    ),
    designs: Annotated[
        Path | None,
        typer.Option(help="Place the arrays of this front.json of explore, in place of one."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Of designs: keep results that are there.")] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="Of designs: Dask scheduler, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Of designs: processes (default: one a core).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Place and route an array on an ECP5: its area, DSPs, memories and clock, and a bitstream.

    The core has too many pins for a chip, so it stands behind a shift register and a parity tree.
    """
    from truncmac.commands.fpga import FpgaRequest, fpga, fpga_all

    request = FpgaRequest(device=device, target_mhz=target_mhz, seed=seed, dsps=dsp, out=out)
    if designs is None:
        fpga(config, request, as_json=as_json)
    elif not fpga_all(
        designs, request, resume=resume, scheduler=scheduler, workers=workers, as_json=as_json
    ):
        raise typer.Exit(1)
