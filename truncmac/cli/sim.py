"""`truncmac sim`: random products on the RTL against golden."""

from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig
from truncmac.options import Simulator, parse_bits, with_array

__all__ = ["sim"]


@with_array
def sim(
    config: ArrayConfig,
    simulator: Simulator = "verilator",
    bits: Annotated[str, typer.Option("-k", "--bits", help="Bit-widths: 8,4,2,1 or all.")] = "all",
    count: Annotated[int, typer.Option(min=1, help="Products for each bit-width.")] = 12,
    stall: Annotated[
        float, typer.Option(help="Share of cycles, 0 to 0.99, in which each stream pauses.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Of shapes, values and pauses.")] = 0,
) -> None:
    """Run random matrix products on the RTL and compare each output with golden."""
    from truncmac.commands import sim

    if not sim(config, simulator, parse_bits(bits), count, stall, seed):
        raise typer.Exit(1)
