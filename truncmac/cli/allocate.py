"""`truncmac allocate`: a bit-width for each layer."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from truncmac.hw.config import ArrayConfig

from .options import AsJson, parse_bits, suggested, with_array
from .outputs import output_file, picture_file

__all__ = ["allocate"]


@with_array
def allocate(
    config: ArrayConfig,
    network: Annotated[
        str,
        typer.Argument(
            autocompletion=suggested("digits"),
            help="File of an exported network, or digits, which comes with the package.",
        ),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images with labels: a .safetensors or .npz file. Default: those of digits."
        ),
    ] = None,
    bits: Annotated[
        str | None,
        typer.Option(
            "-k", "--bits", help="Bit-widths to choose from. Default: all that the network has."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Highest cost of an image: a number, or a share such as 60% of the cost at the "
            "largest k."
        ),
    ] = None,
    cost: Annotated[
        Literal["cycles", "energy"],
        typer.Option(help="Cost to count: cycles of the array, or energy of the core in nJ."),
    ] = "cycles",
    points: Annotated[
        int, typer.Option(min=2, help="Number of choices to measure, spread over all costs.")
    ] = 24,
    calibrate: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of images, the last ones, that only adjust the biases of mixed networks; "
            "with 0 none are adjusted.",
        ),
    ] = 128,
    plot: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file,
            help="Draw accuracy against cost into this file (.svg, .png or .pdf).",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            callback=output_file,
            help="Write the network of the choice within the budget to this file.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose a bit-width for each layer: the best accuracy at each cost, and within a budget.

    The network that --export writes runs on golden and on the RTL like any other: truncmac infer
    FILE -k 8.
    """
    from truncmac.commands.allocate import AllocateRequest, allocate

    request = AllocateRequest(
        network=network,
        config=config,
        data=data,
        bits=None if bits is None else parse_bits(bits),
        budget=budget,
        points=points,
        calibrate=calibrate,
        cost=cost,
    )
    allocate(request, plot=plot, export=export, as_json=as_json)
