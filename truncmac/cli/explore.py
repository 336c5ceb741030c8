"""`truncmac explore`: which array to build."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .options import AsJson
from .outputs import output_folder, picture_file

__all__ = ["explore"]


def _axis(what: str) -> Any:
    return typer.Option(help=what, rich_help_panel="Space")


def explore(
    spec: Annotated[
        Path | None,
        typer.Argument(help="TOML file of settings; options take the place of those in it."),
    ] = None,
    top: Annotated[
        Literal["core", "npu"] | None,
        typer.Option(
            help="What is designed: the core, fed by a host from scratchpads and DRAM, or the NPU, "
            "which runs whole networks. Default: core."
        ),
    ] = None,
    workloads: Annotated[
        str | None,
        typer.Option(
            help="Workloads with commas between: names, SCALE-Sim topologies or networks, such as "
            "resnet20,digits. Default: digits."
        ),
    ] = None,
    bits: Annotated[
        str | None,
        typer.Option("-k", "--bits", help="Bit-widths, or all. Default: 8,4,2,1."),
    ] = None,
    objectives: Annotated[
        str | None,
        typer.Option(
            help="Columns to make as good as can be, with commas between. Default: "
            "images_per_s,peak_macs."
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Constraint on a column, such as 'images_per_s>=30' or 'pes<=64'; may be given "
            "several times."
        ),
    ] = None,
    front: Annotated[
        Literal["each", "workload", "all", "worst"] | None,
        typer.Option(
            help="What has a Pareto front of its own: each workload and k (each, the default), a "
            "workload with its k competing, all together, or the worst of a design over all."
        ),
    ] = None,
    images: Annotated[
        int | None, typer.Option(help="Number of images in a batch. Default: 1.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Labelled images of the networks, for their accuracy.")
    ] = None,
    library: Annotated[
        str | None,
        typer.Option(
            help="Source of energy and area: the name of a library, a file of truncmac "
            "characterise, or a folder of such files. Default: ihp-sg13g2, where an objective or a "
            "constraint needs it."
        ),
    ] = None,
    fpga: Annotated[
        str | None,
        typer.Option(help="Folder of results of truncmac fpga, for fpga_luts and its like."),
    ] = None,
    rows: Annotated[str | None, _axis("Rows of PEs to try.")] = None,
    cols: Annotated[str | None, _axis("Columns of PEs to try.")] = None,
    lanes: Annotated[str | None, _axis("Lanes of a PE to try.")] = None,
    planes: Annotated[str | None, _axis("Planes of a PE to try.")] = None,
    requantisers: Annotated[str | None, _axis("Numbers of output units to try.")] = None,
    activation_kib: Annotated[
        str | None, _axis("Scratchpads for activations to try, in KiB.")
    ] = None,
    weight_kib: Annotated[str | None, _axis("Scratchpads for weights to try, in KiB.")] = None,
    dram_gb_s: Annotated[str | None, _axis("Bandwidths of the DRAM to try, in GB/s.")] = None,
    bus_width: Annotated[str | None, _axis("Bits of the NPU's bus to try.")] = None,
    groups: Annotated[str | None, _axis("Groups of banks of the NPU to try.")] = None,
    depth: Annotated[str | None, _axis("Words of a bank of the NPU to try.")] = None,
    clock_mhz: Annotated[str | None, _axis("Clocks to try, in MHz.")] = None,
    search: Annotated[
        Literal["exhaustive", "nsga2", "tpe"] | None,
        typer.Option(
            help="How designs are found: all are evaluated (exhaustive), or a search proposes some "
            "(nsga2 or tpe). Default: by the size of the space."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Number of designs that a search evaluates. Default: 2000.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Random seed for searches and samples. Default: 0.")
    ] = None,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/explore"
    ),
    resume: Annotated[
        bool, typer.Option(help="Keep the finished chunks in the folder, and go on from there.")
    ] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler that runs the chunks, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of processes; 0 uses this one alone. Default: one for each core where "
            "that pays.",
        ),
    ] = None,
    csv: Annotated[
        bool, typer.Option(help="Write all evaluated designs as points.csv too.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            callback=picture_file, help="Draw the fronts into this file (.svg, .png or .pdf)."
        ),
    ] = None,
    verify: Annotated[
        int,
        typer.Option(
            min=0,
            help="Run this many points of the fronts, and as many at random, on the RTL; of NPUs, "
            "count them by the model that equals the RTL.",
        ),
    ] = 0,
    point: Annotated[
        str | None,
        typer.Option(help="Evaluate one point again, and do nothing else: front.json#POINT."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the arrays that are best for workloads: evaluate or search a space of designs.

    An axis of the space is a list or a range: 4,8,16 or 4..16 or 4..32+4 or 4..64x2. Scratchpads
    and DRAM are of the core, the bus, groups and depth of the NPU. The Pareto
    fronts are written as CSV, as JSON and as an HTML page, and all designs as Parquet.
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
            "top": top,
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
            "bus_width": bus_width,
            "groups": groups,
            "depth": depth,
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
