"""`truncmac import`: a network file of weights from elsewhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import ARRAY_HELP, AsJson, TrainedNetwork, parse_bits, parse_image, parse_reals
from .outputs import output_file

__all__ = ["import_"]

PANEL, ONNX_PANEL = "State_dict", "ONNX"


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="What to import: QONNX, ONNX with quantisers, or a float network as ONNX (.onnx); "
            "TFLite (.tflite); a checkpoint of truncmac train, or a state_dict (.safetensors, .pt, "
            ".pth); a module NAME of a Python file, which is executed (FILE.py:NAME); or a folder "
            "of .npy arrays."
        ),
    ],
    out: Annotated[Path, typer.Option(callback=output_file, help="Network file to write.")] = Path(
        "network.safetensors"
    ),
    bits: Annotated[
        str,
        typer.Option(
            "-k", "--bits", help="Bit-widths that the network gets, such as 8,4,2,1, or all."
        ),
    ] = "all",
    edge_bits: Annotated[
        int,
        typer.Option(
            min=0,
            max=8,
            help="Bit-width of the first and the last layer, whatever the network's is; with 0 "
            "they follow it.",
        ),
    ] = 8,
    multiplier_bits: Annotated[int, typer.Option(help=ARRAY_HELP["multiplier_bits"])] = 18,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images on which the network is calibrated and, if they have labels, tried: a "
            "file or a folder, as infer takes them."
        ),
    ] = None,
    halves: Annotated[
        Literal["up", "even"],
        typer.Option(
            help="Where codes that lie half-way go: up, as hardware rounds them, or to the even "
            "code, as the graph does; golden alone runs the latter.",
            rich_help_panel=ONNX_PANEL,
        ),
    ] = "up",
    mean: Annotated[
        str | None,
        typer.Option(
            help="Mean that is taken off pixels (0 to 1) before the network, such as "
            "0.485,0.456,0.406, or one number.",
            rich_help_panel=ONNX_PANEL,
        ),
    ] = None,
    deviation: Annotated[
        str | None,
        typer.Option(
            help="Deviation that pixels are divided by after --mean, for each channel or one "
            "number; 0.00392157 (1/255) if the network takes 0 to 255.",
            rich_help_panel=ONNX_PANEL,
        ),
    ] = None,
    network: Annotated[
        TrainedNetwork | None,
        typer.Option(help="Network whose state_dict it is.", rich_help_panel=PANEL),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="Channels, height and width of the network's images, such as 3,32,32.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65536,
            help="Number of classes that the network tells apart.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    act_bits: Annotated[
        int,
        typer.Option(
            min=1, max=8, help="Bit-width of the activations' codes.", rich_help_panel=PANEL
        ),
    ] = 4,
    percentile: Annotated[
        float,
        typer.Option(
            help="Share of a float network's activations, in percent, that its codes cover.",
            rich_help_panel=PANEL,
        ),
    ] = 99.9,
    centred: Annotated[
        bool,
        typer.Option(
            help="Read the weights as those of a network that was trained with --centred.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    rounded_means: Annotated[
        bool,
        typer.Option(
            "--rounded-means",
            help="Round means over the image to activation codes, which costs accuracy at few bits "
            "and saves products.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a network file from the weights of other tools: QONNX, Brevitas, PyTorch, NumPy."""
    from truncmac.commands.import_ import import_network
    from truncmac.model.source import Source

    import_network(
        Source(
            path=source,
            bits=parse_bits(bits),
            data=data,
            network=network,
            image=None if image is None else parse_image(image),
            classes=classes,
            act_bits=act_bits,
            percentile=percentile,
            edge_bits=edge_bits or None,
            multiplier_bits=multiplier_bits,
            centred=centred,
            exact_means=not rounded_means,
            halves=halves,
            mean=() if mean is None else parse_reals("Mean", mean),
            deviation=() if deviation is None else parse_reals("Deviation", deviation),
        ),
        out=out,
        as_json=as_json,
    )
