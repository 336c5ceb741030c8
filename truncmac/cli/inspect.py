"""`truncmac inspect`: a network's layers."""

from pathlib import Path
from typing import Annotated

import typer

from .options import one_of, parse_bits
from .outputs import picture_file

__all__ = ["inspect"]


def inspect(
    network: Annotated[
        str,
        typer.Argument(
            autocompletion=one_of("digits", "resnet20", "resnet18"),
            help="Exported network, a file; or digits, resnet20 or resnet18.",
        ),
    ] = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose weights' size is shown.")
    ] = "8,4,2,1",
    plot: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file, help="Draw what each plane says into this file, .svg or .png."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show a network's layers: work, size at each k, accumulators, and what each plane says."""
    from truncmac.commands.inspect import inspect

    inspect(network, parse_bits(bits), plot=plot, as_json=as_json)
