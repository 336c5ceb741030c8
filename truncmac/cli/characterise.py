"""`truncmac characterise`: energy, area and clock from the netlist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from truncmac.golden.files import file_name
from truncmac.hw.config import ArrayConfig

from .options import one_of, parse_bits, with_sizes
from .outputs import output_file, output_folder

__all__ = ["characterise"]


@with_sizes
def characterise(
    sizes: Mapping[str, int],
    liberty: Annotated[list[Path], typer.Option(help="Liberty file; several: name it again.")],
    sram: Annotated[
        list[Path] | None, typer.Option(help="Liberty file of a memory macro; several: again.")
    ] = None,
    fit_size: Annotated[
        list[str] | None,
        typer.Option(
            help="Another array size to measure, as 8x8, or with so many output units, as 8x4:4; "
            "again."
        ),
    ] = None,
    hold_out_size: Annotated[
        list[str] | None, typer.Option(help="An array size only for the errors, as 6x6; again.")
    ] = None,
    network: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("digits", "resnet20", "resnet18"),
            help="Whose layers are run: a file, or digits, resnet20 or resnet18.",
        ),
    ] = "digits",
    data: Annotated[Path | None, typer.Option(help="Its images, if they are not known.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many.")] = 16,
    hold_out: Annotated[
        str, typer.Option(help="A network only for the errors; empty for none.")
    ] = "",
    hold_out_images: Annotated[int, typer.Option(min=1, help="How many images.")] = 1,
    hold_out_layers: Annotated[
        int | None, typer.Option(min=1, help="How many of its layers, spread; default: all.")
    ] = None,
    bits: Annotated[str, typer.Option("-k", "--bits", help="Bit-widths: 8,4,2,1 or all.")] = "all",
    period_ps: Annotated[
        float | None, typer.Option(help="Clock target of synthesis, ps; default: 64 FO4.")
    ] = None,
    dont_use: Annotated[
        list[str] | None, typer.Option(help="Pattern of cells to leave out; again.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds in which Yosys must be done with an array.")
    ] = 3600,
    label: Annotated[str, typer.Option(help="Short name of the library.")] = "library",
    cache: Annotated[
        Path, typer.Option(callback=output_folder, help="Folder of what is done once.")
    ] = Path("build/energy"),
    out: Annotated[
        Path | None,
        typer.Option(callback=output_file, help="File to write; default: by its label."),
    ] = None,
    shapes: Annotated[
        str | None,
        typer.Option(help="Several PE shapes, LANESxPLANES, as 16x2,8x1, each to its own file."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Of shapes: Dask scheduler, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Of shapes: processes (default: one a core).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure energy, area and clock of a core on its netlist, synthesised with your library.

    The netlist runs layers of a network at each k, its outputs are compared with golden, and its
    nets' toggles become energy by the library's tables. See docs/explanation/energy.md.
    The array is 4 x 4 PEs unless you say otherwise.
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
