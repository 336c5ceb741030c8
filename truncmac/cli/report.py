"""`truncmac report`: where a network's cycles, bytes and multipliers go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from .options import one_of, parse_bits, with_sizes
from .outputs import output_file, output_folder

__all__ = ["report"]


@with_sizes
def report(
    sizes: Mapping[str, int],
    network: Annotated[
        str,
        typer.Argument(
            help="A known workload, such as resnet18, vit-b16 or bert-base@TOKENS; digits; an "
            "exported network's file; or a SCALE-Sim topology, .csv."
        ),
    ] = "digits",
    platform: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("edge", "fpga", "datacentre"),
            help="edge, fpga or datacentre: the array and its surroundings.",
        ),
    ] = "edge",
    clock_mhz: Annotated[float | None, typer.Option(help="Instead of the platform's.")] = None,
    dram_gbs: Annotated[
        float | None, typer.Option(help="GB/s that the DRAM sustains, instead of the platform's.")
    ] = None,
    activation_kib: Annotated[
        float | None, typer.Option(help="KiB of its scratchpad, instead of the platform's.")
    ] = None,
    weight_kib: Annotated[
        float | None, typer.Option(help="KiB of its scratchpad, instead of the platform's.")
    ] = None,
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths: 8,4,2,1 or all.")
    ] = "8,4,2,1",
    images: Annotated[
        int, typer.Option(min=1, max=1 << 20, help="Of a batch: their rows are one product.")
    ] = 1,
    goal: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("time", "traffic"),
            help="Of each layer's order: time, or traffic to the DRAM.",
        ),
    ] = "time",
    energy: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("ihp-sg13g2", "sky130", "asap7", "none"),
            help="Figures of energy: ihp-sg13g2, sky130 or asap7; a file that characterise wrote; "
            "or none.",
        ),
    ] = "ihp-sg13g2",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images of the network's, as infer takes them: energies then follow what toggles "
            "in its own layers; digits has its own."
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            autocompletion=one_of("html", "json", "md", "csv", "table"),
            help="Print only this: html, json, md, csv or table.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File of --format; else the folder of the page and its numbers."),
    ] = None,
) -> None:
    """Report where a network's cycles, bytes and multipliers go, for each layer and each k.

    Prints tables, and writes one HTML page and a JSON of the same numbers to build/report. The
    array's sizes are the platform's where they are not given.
    """
    from truncmac.commands.report import report
    from truncmac.report.request import ReportRequest

    if form is None:
        output_folder(out)
    else:
        output_file(out)
    if goal not in ("time", "traffic"):
        raise ValueError(f"--goal must be time or traffic, not {goal!r}")
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
        goal="time" if goal == "time" else "traffic",
        energy=energy,
        data=data,
    )
    report(request, form, out)
