"""`truncmac allocate`: a bit-width for each layer."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig

from .options import one_of, parse_bits, with_array
from .outputs import output_file, picture_file

__all__ = ["allocate"]


@with_array
def allocate(
    config: ArrayConfig,
    network: Annotated[
        str,
        typer.Argument(
            autocompletion=one_of("digits"),
            help="Exported network, a file; or digits, which is shipped.",
        ),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(help="Images and labels: .safetensors or .npz; default: those of digits."),
    ] = None,
    bits: Annotated[
        str | None,
        typer.Option(
            "-k", "--bits", help="Bit-widths to choose from; default: all that the network has."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(help="Most cost of an image, or such as 60% of that at the largest k."),
    ] = None,
    cost: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("cycles", "energy"),
            help="cycles of the array; or energy of the core, in nJ.",
        ),
    ] = "cycles",
    points: Annotated[int, typer.Option(min=2, help="Choices to measure, over all costs.")] = 24,
    calibrate: Annotated[
        int,
        typer.Option(
            min=0,
            help="Images, the last ones, that only move biases of mixed networks; 0: none move.",
        ),
    ] = 128,
    plot: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file, help="Draw accuracy against cycles into this .svg or .png."
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            callback=output_file, help="Write the choice for the budget as a network file."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Choose a bit-width for each layer: the best accuracy at little cost, and in a budget.

    What is written with --export runs on golden and on the RTL as any network: infer FILE -k 8.
    """
    from truncmac.commands.allocate import AllocateRequest, allocate

    allocate(
        AllocateRequest(
            network=network,
            config=config,
            data=data,
            bits=None if bits is None else parse_bits(bits),
            budget=budget,
            points=points,
            calibrate=calibrate,
            cost=cost,
        ),
        plot=plot,
        export=export,
        as_json=as_json,
    )
