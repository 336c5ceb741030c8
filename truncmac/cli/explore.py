"""`truncmac explore`: which array to build."""

from pathlib import Path
from typing import Annotated

import typer

from .options import one_of
from .outputs import output_folder, picture_file

__all__ = ["explore"]

Axis = Annotated[str | None, typer.Option(help="Values of this axis.", rich_help_panel="Space")]


def explore(
    spec: Annotated[
        Path | None, typer.Argument(help="TOML file; options take the place of what is in it.")
    ] = None,
    workloads: Annotated[
        str | None,
        typer.Option(help="Names, topologies or networks: resnet20,digits (default: digits)."),
    ] = None,
    bits: Annotated[
        str | None, typer.Option("-k", "--bits", help="8,4,2,1 (default) or all.")
    ] = None,
    objectives: Annotated[
        str | None, typer.Option(help="Columns (default: images_per_s,peak_macs).")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Constraint: 'images_per_s>=30', 'pes<=64'; several.")
    ] = None,
    front: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("each", "workload", "all", "worst"),
            help="A front for: each workload and k (default), workload, all, or worst of all.",
        ),
    ] = None,
    images: Annotated[int | None, typer.Option(help="Of a batch (default: 1).")] = None,
    data: Annotated[
        str | None, typer.Option(help="Labelled images of the networks, for their accuracy.")
    ] = None,
    library: Annotated[
        str | None,
        typer.Option(
            help="Of energy and area: a name, a file of characterise, or a folder of such "
            "(default: ihp-sg13g2 where an objective or constraint needs it)."
        ),
    ] = None,
    fpga: Annotated[
        str | None, typer.Option(help="Folder of results of fpga, for fpga_luts and its like.")
    ] = None,
    rows: Axis = None,
    cols: Axis = None,
    lanes: Axis = None,
    planes: Axis = None,
    requantisers: Axis = None,
    activation_kib: Axis = None,
    weight_kib: Axis = None,
    dram_gb_s: Axis = None,
    clock_mhz: Axis = None,
    search: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("exhaustive", "nsga2", "tpe"),
            help="exhaustive, nsga2 or tpe (default: by the size of the space).",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Designs that a search evaluates (default: 2000).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of searches and samples (default: 0).")] = None,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/explore"
    ),
    resume: Annotated[bool, typer.Option(help="Keep the finished chunks in the folder.")] = False,
    scheduler: Annotated[str | None, typer.Option(help="Dask scheduler, tcp://HOST:PORT.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes (default: one a core if that pays); 0: none but this."),
    ] = None,
    csv: Annotated[bool, typer.Option(help="Write all rows as points.csv, too.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(callback=picture_file, help="Draw the fronts into this .svg or .png."),
    ] = None,
    verify: Annotated[
        int,
        typer.Option(min=0, help="Run so many points of the fronts, and at random, on the RTL."),
    ] = 0,
    point: Annotated[
        str | None, typer.Option(help="Only evaluate a point again: front.json#POINT.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Find the arrays that are best for workloads: evaluate or search a space of designs.

    Axes of the space are lists or ranges: 4,8,16 or 4..16 or 4..32+4 or 4..64x2. Writes the Pareto
    fronts as CSV, JSON and an HTML page, and all rows as Parquet.
    """
    from truncmac.commands.explore import ExploreRequest, merged_settings, show_point
    from truncmac.commands.explore import explore as run

    if point is not None:
        if not show_point(point, as_json=as_json):
            raise typer.Exit(1)
        return
    chosen = merged_settings(
        spec,
        options={
            "workloads": workloads,
            "bits": bits,
            "objectives": objectives,
            "front": front,
            "images": images,
            "data": data,
            "library": library,
            "fpga": fpga,
        },
        space={
            "rows": rows,
            "cols": cols,
            "lanes": lanes,
            "planes": planes,
            "requantisers": requantisers,
            "activation_kib": activation_kib,
            "weight_kib": weight_kib,
            "dram_gb_s": dram_gb_s,
            "clock_mhz": clock_mhz,
        },
        search={"method": search, "trials": trials, "seed": seed},
        constraints=where or [],
    )
    request = ExploreRequest(
        out=out,
        resume=resume,
        scheduler=scheduler,
        workers=workers,
        csv=csv,
        plot=plot,
        verify=verify,
        as_json=as_json,
    )
    if not run(chosen, request):
        raise typer.Exit(1)
