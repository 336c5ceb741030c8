"""`truncmac import`: a network file of weights from elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from .options import ARRAY_HELP, one_of, parse_bits, parse_image
from .outputs import output_file

__all__ = ["import_"]


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="QONNX or ONNX with quantisers (.onnx); a training run's checkpoint or a "
            "state_dict (.safetensors, .pt); or a folder of .npy arrays."
        ),
    ],
    out: Annotated[Path, typer.Option(callback=output_file, help="Network file to write.")] = Path(
        "network.safetensors"
    ),
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="The network's bit-widths: 8,4,2,1 or all.")
    ] = "all",
    edge_bits: Annotated[
        int,
        typer.Option(
            min=0,
            max=8,
            help="k of the first and last layers, whatever the network's; 0: they follow it.",
        ),
    ] = 8,
    multiplier_bits: Annotated[int, typer.Option(help=ARRAY_HELP["multiplier_bits"])] = 18,
    data: Annotated[
        Path | None,
        typer.Option(help="Images to calibrate on, and, with labels, to try the network with."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("cnn", "mlp", "resnet18", "resnet20", "resnet50", "vgg-small"),
            help="What a state_dict is of: cnn, mlp, resnet18, resnet20, resnet50 or vgg-small.",
            rich_help_panel="State_dict",
        ),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            help="Channels, height and width of its images, such as 3,32,32.",
            rich_help_panel="State_dict",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            min=1, max=65536, help="How many classes it tells apart.", rich_help_panel="State_dict"
        ),
    ] = None,
    act_bits: Annotated[
        int,
        typer.Option(
            min=1, max=8, help="Bits of the activations' codes.", rich_help_panel="State_dict"
        ),
    ] = 4,
    percentile: Annotated[
        float,
        typer.Option(
            help="Share in % of a float network's activations that its codes reach.",
            rich_help_panel="State_dict",
        ),
    ] = 99.9,
    centred: Annotated[
        bool,
        typer.Option(help="It was trained with centred weights.", rich_help_panel="State_dict"),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Make a network file of weights from elsewhere: QONNX, Brevitas, PyTorch, NumPy arrays."""
    from truncmac.commands.import_ import import_network
    from truncmac.model.source import Source

    shape = None if image is None else parse_image(image)
    import_network(
        Source(
            path=source,
            bits=parse_bits(bits),
            data=data,
            network=network,
            image=shape,
            classes=classes,
            act_bits=act_bits,
            percentile=percentile,
            edge_bits=edge_bits or None,
            multiplier_bits=multiplier_bits,
            centred=centred,
        ),
        out=out,
        as_json=as_json,
    )
