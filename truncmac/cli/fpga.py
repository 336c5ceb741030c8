"""`truncmac fpga`: an array placed and routed on an ECP5."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from truncmac.hw.config import ArrayConfig

from .options import AsJson, with_array
from .outputs import output_folder

__all__ = ["fpga"]


@with_array
def fpga(
    config: ArrayConfig,
    device: Annotated[
        Literal["25k", "45k", "85k"], typer.Option(help="Size of the ECP5 part, an LFE5U.")
    ] = "85k",
    target_mhz: Annotated[
        float, typer.Option(min=1, help="Clock in MHz that place and route aims at.")
    ] = 100.0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the placement.")] = 1,
    dsp: Annotated[bool, typer.Option(help="Multiply in DSP blocks where that fits.")] = True,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/fpga"
    ),
    designs: Annotated[
        Path | None,
        typer.Option(
            help="Place the arrays of this front.json of truncmac explore, instead of a single one."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Keep the results of --designs that are there already.")
    ] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler that runs the --designs, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of processes that run the --designs. Default: one for each core."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Place and route an array on an ECP5: its area, DSPs, memories and clock, and a bitstream.

    The core has too many pins for a chip, so it stands behind a shift register and a parity tree.
    """
    from truncmac.commands.fpga import FpgaRequest, fpga, fpga_all
    from truncmac.sim.fpga.route import RouteSettings

    settings = RouteSettings(device=device, target_mhz=target_mhz, seed=seed, dsps=dsp)
    request = FpgaRequest(settings=settings, out=out)
    if designs is None:
        fpga(config, request, as_json=as_json)
    elif not fpga_all(
        designs, request, resume=resume, scheduler=scheduler, workers=workers, as_json=as_json
    ):
        raise typer.Exit(1)
