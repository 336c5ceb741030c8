"""`truncmac characterise`: energy, area and clock from the netlist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from truncmac.golden.files import file_name
from truncmac.hw.config import ArrayConfig

from .options import AsJson, parse_bits, suggested, with_sizes
from .outputs import output_file, output_folder

__all__ = ["characterise"]


@with_sizes
def characterise(
    sizes: Mapping[str, int],
    liberty: Annotated[
        list[Path], typer.Option(help="Liberty file of the cells; may be given several times.")
    ],
    sram: Annotated[
        list[Path] | None,
        typer.Option(help="Liberty file of a memory macro; may be given several times."),
    ] = None,
    fit_size: Annotated[
        list[str] | None,
        typer.Option(
            help="Another array size to measure, such as 8x8, or 8x4:4 with the number of output "
            "units; may be given several times."
        ),
    ] = None,
    hold_out_size: Annotated[
        list[str] | None,
        typer.Option(
            help="Array size on which only the errors are measured, such as 6x6; may be given "
            "several times."
        ),
    ] = None,
    network: Annotated[
        str,
        typer.Option(
            autocompletion=suggested("digits", "resnet20", "resnet18"),
            help="Network whose layers run: a file, or one of digits, resnet20 and resnet18.",
        ),
    ] = "digits",
    data: Annotated[
        Path | None, typer.Option(help="Images of the network, where its name brings none.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="Number of its images that run.")] = 16,
    hold_out: Annotated[
        str,
        typer.Option(help="Network on which only the errors are measured. Default: none."),
    ] = "",
    hold_out_images: Annotated[
        int, typer.Option(min=1, help="Number of images that the --hold-out network runs.")
    ] = 1,
    hold_out_layers: Annotated[
        int | None,
        typer.Option(min=1, help="Number of its layers that run, evenly spread. Default: all."),
    ] = None,
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths to measure, such as 8,4,2,1, or all.")
    ] = "all",
    period_ps: Annotated[
        float | None,
        typer.Option(help="Clock period that synthesis aims at, in ps. Default: 64 FO4."),
    ] = None,
    dont_use: Annotated[
        list[str] | None,
        typer.Option(
            help="Pattern of cells that synthesis leaves out; may be given several times."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that Yosys may take to synthesise an array.")
    ] = 3600,
    label: Annotated[str, typer.Option(help="Short name of the library.")] = "library",
    cache: Annotated[
        Path,
        typer.Option(
            callback=output_folder,
            help="Folder of netlists and runs, which are kept for next time.",
        ),
    ] = Path("build/energy"),
    out: Annotated[
        Path | None,
        typer.Option(
            callback=output_file,
            help="File to write. Default: named by label, lanes and planes, in build/energy.",
        ),
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(
            help="PE shapes to measure, each into its own file: LANESxPLANES, such as 16x2,8x1."
        ),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler that runs the --shapes, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of processes that run the --shapes. Default: one for each core."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure energy, area and clock of a core on its netlist, synthesised with your library.

    The netlist runs layers of a network at each k, and its outputs are compared with golden. The
    toggles of its nets become energy by the tables of the library; see docs/explanation/energy.md.
    The array has 4 x 4 PEs unless you say otherwise.
    """
    from truncmac.commands.characterise import (
        CharacteriseRequest,
        characterise_all,
        characterise_one,
        shapes_of,
    )

    config = ArrayConfig(**({"rows": 4, "cols": 4} | dict(sizes)))
    if shapes is not None and out is not None:
        raise ValueError("--out must not come with --shapes: each has a file by its label")

    def request(config: ArrayConfig) -> CharacteriseRequest:
        name = f"{file_name(label)}_l{config.lanes}_p{config.planes}.json"
        return CharacteriseRequest(
            liberty=liberty,
            srams=sram or [],
            label=label,
            config=config,
            fit_sizes=fit_size or [],
            held_sizes=hold_out_size or [],
            network=network,
            data=data,
            images=images,
            held_network=hold_out,
            held_images=hold_out_images,
            held_count=hold_out_layers,
            bits=parse_bits(bits),
            period_ps=period_ps,
            dont_use=dont_use or [],
            cache=cache,
            out=out or Path("build/energy") / name,
            timeout_s=timeout,
        )

    if shapes is None:
        characterise_one(request(config), as_json=as_json)
        return
    requests = [request(c) for c in shapes_of(config, shapes)]
    if not characterise_all(requests, scheduler=scheduler, workers=workers, as_json=as_json):
        raise typer.Exit(1)
