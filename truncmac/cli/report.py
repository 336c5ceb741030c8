"""`truncmac report`: where a network's cycles, bytes and multipliers go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import parse_bits, suggested, with_sizes
from .outputs import output_file, output_folder

__all__ = ["report"]


@with_sizes
def report(
    sizes: Mapping[str, int],
    network: Annotated[
        str,
        typer.Argument(
            help="A known workload, such as resnet18, vit-b16 or bert-base@TOKENS; digits; the "
            "file of an exported network; a SCALE-Sim topology (.csv); "
            "or an ONNX graph, FILE.onnx or FILE.onnx@SIZE with the size of its open dimensions."
        ),
    ] = "digits",
    platform: Annotated[
        Literal["edge", "fpga", "datacentre"],
        typer.Option(help="Platform: an array, its clock, its scratchpads and its DRAM."),
    ] = "edge",
    clock_mhz: Annotated[
        float | None, typer.Option(help="Clock in MHz, instead of the platform's.")
    ] = None,
    dram_gbs: Annotated[
        float | None,
        typer.Option(help="Bandwidth that the DRAM sustains in GB/s, instead of the platform's."),
    ] = None,
    activation_kib: Annotated[
        float | None,
        typer.Option(help="Scratchpad for activations in KiB, instead of the platform's."),
    ] = None,
    weight_kib: Annotated[
        float | None, typer.Option(help="Scratchpad for weights in KiB, instead of the platform's.")
    ] = None,
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths to report, such as 8,4,2,1, or all.")
    ] = "8,4,2,1",
    images: Annotated[
        int,
        typer.Option(
            min=1,
            max=1 << 20,
            help="Number of images in a batch; their rows join in one matrix product.",
        ),
    ] = 1,
    goal: Annotated[
        Literal["time", "traffic"],
        typer.Option(
            help="What the order of a layer's blocks is chosen for: the least time, or the least "
            "traffic to the DRAM."
        ),
    ] = "time",
    energy: Annotated[
        str,
        typer.Option(
            autocompletion=suggested("ihp-sg13g2", "sky130", "asap7", "none"),
            help="Source of the energies: ihp-sg13g2, sky130 or asap7; a file that truncmac "
            "characterise wrote; or none.",
        ),
    ] = "ihp-sg13g2",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images of the network, as infer takes them. The energies then follow what "
            "toggles in its own layers. digits has images of its own."
        ),
    ] = None,
    form: Annotated[
        Literal["html", "json", "md", "csv", "table"] | None,
        typer.Option("--format", help="Print this form of the report and nothing else."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write with --format; otherwise the folder of the page and its numbers."
        ),
    ] = None,
) -> None:
    """Report where a network's cycles, bytes and multipliers go, for each layer and each k.

    It prints tables, and writes an HTML page and a JSON file of the same numbers to build/report.
    Sizes of the array that are not given are the platform's.
    """
    from truncmac.commands.report import report
    from truncmac.report.request import ReportRequest

    if form is None:
        output_folder(out)
    else:
        output_file(out)
    request = ReportRequest(
        network=network,
        platform=platform,
        sizes=sizes,
        clock_mhz=clock_mhz,
        dram_gbs=dram_gbs,
        activation_kib=activation_kib,
        weight_kib=weight_kib,
        bits=parse_bits(bits),
        images=images,
        goal=goal,
        energy=energy,
        data=data,
    )
    report(request, form=form, out=out)
