"""`truncmac sim`: random products on the RTL against golden."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig

from .options import AsJson, Simulator, parse_bits, with_array
from .outputs import output_file

__all__ = ["sim"]


@with_array
def sim(
    config: ArrayConfig,
    simulator: Simulator = "verilator",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths to run, such as 8,4,2,1, or all.")
    ] = "all",
    count: Annotated[
        int, typer.Option(min=1, help="Number of random products at each bit-width.")
    ] = 12,
    stall: Annotated[
        float,
        typer.Option(help="Share of the cycles, from 0 to 0.99, in which each stream pauses."),
    ] = 0.3,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed for shapes, values and pauses.")
    ] = 0,
    waves: Annotated[
        Path | None,
        typer.Option(
            callback=output_file,
            help="Record the run in this .vcd file, and write views of it for GTKWave (.gtkw) and "
            "Surfer (.sucl) beside it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run random matrix products on the RTL and compare every output with golden.

    The exit code is 1 if an output differs.
    """
    from truncmac.commands.sim import SimRequest, sim

    request = SimRequest(
        config=config,
        simulator=simulator,
        bits=parse_bits(bits),
        count=count,
        stall=stall,
        seed=seed,
        waves=waves,
    )
    if not sim(request, as_json=as_json):
        raise typer.Exit(1)
