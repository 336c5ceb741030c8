"""`truncmac inspect`: a network's layers."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, KnownNetwork, parse_bits
from .outputs import picture_file

__all__ = ["inspect"]


def inspect(
    network: KnownNetwork = "digits",
    bits: Annotated[
        str,
        typer.Option("-k", "--bits", help="Bit-widths at which the size of the weights is shown."),
    ] = "8,4,2,1",
    plot: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file,
            help="Draw the information in each plane into this file (.svg, .png or .pdf).",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a network's layers: their work, size and accumulators, and what each plane adds.

    A plane holds one bit of every weight; what it adds is measured in bits of information.
    """
    from truncmac.commands.inspect import inspect

    inspect(network, parse_bits(bits), plot=plot, as_json=as_json)
