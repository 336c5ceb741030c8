"""The command line: `truncmac rtl | sim | infer | inspect | export | allocate | explore ...`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from truncmac.hw.config import ArrayConfig

from .options import Simulator, parse_bits, with_array
from .version import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Neural-network accelerators whose 8-bit weights are truncated at run time: "
    "generate the array, simulate it, run a network on it.",
)
Axis = Annotated[str | None, typer.Option(help="Values of this axis.", rich_help_panel="Space")]
errors = Console(stderr=True, soft_wrap=True, highlight=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"truncmac {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass


@app.command()
@with_array
def rtl(
    config: ArrayConfig,
    top: Annotated[
        str, typer.Option(help="core: plain streams; axi: AXI4-Stream and AXI4-Lite registers.")
    ] = "core",
    bus_width: Annotated[
        int, typer.Option(help="Bits of the AXI4-Streams: 32, 64, 128, 256 or 512.")
    ] = 64,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/rtl"),
) -> None:
    """Write the hardware as plain Verilog-2005; for axi its register map too, in C and Markdown."""
    from .commands import rtl

    if top not in ("core", "axi"):
        raise ValueError(f"--top must be core or axi, not {top!r}")
    rtl(config, top == "axi", bus_width, out)


@app.command()
@with_array
def sim(
    config: ArrayConfig,
    simulator: Simulator = "verilator",
    bits: Annotated[str, typer.Option("-k", "--bits", help="Bit-widths: 8,4,2,1 or all.")] = "all",
    count: Annotated[int, typer.Option(min=1, help="Products for each bit-width.")] = 12,
    stall: Annotated[
        float, typer.Option(help="Share of cycles, 0 to 0.99, in which each stream pauses.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Of shapes, values and pauses.")] = 0,
) -> None:
    """Run random matrix products on the RTL and compare each output with golden."""
    from .commands import sim

    if not sim(config, simulator, parse_bits(bits), count, stall, seed):
        raise typer.Exit(1)


@app.command()
@with_array
def infer(
    config: ArrayConfig,
    network: Annotated[
        str,
        typer.Argument(
            help="Exported network, a file; or digits, the trained network that is shipped; or "
            "resnet20, of made-up weights and images."
        ),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images, and labels if known: .safetensors, .npz or .npy; default: those of "
            "digits or resnet20."
        ),
    ] = None,
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths: 8,4,2,1 or all.")
    ] = "8,4,2,1",
    on: Annotated[str, typer.Option(help="Where the layers run: golden or rtl.")] = "golden",
    images: Annotated[
        int, typer.Option(min=1, help="Images that run on the RTL; golden takes all.")
    ] = 32,
    dump: Annotated[
        Path | None, typer.Option(help="Keep golden's outputs of each layer here, as .npy.")
    ] = None,
    simulator: Simulator = "verilator",
) -> None:
    """Classify images with a network, in the integer reference or on the RTL as well.

    On the RTL every output of every layer is compared with golden; the exit code is 1 if one
    differs.
    """
    from .commands import infer

    if on not in ("golden", "rtl"):
        raise ValueError(f"--on must be golden or rtl, not {on!r}")
    if not infer(config, network, data, parse_bits(bits), on == "rtl", images, simulator, dump):
        raise typer.Exit(1)


@app.command()
def inspect(
    network: Annotated[
        str, typer.Argument(help="Exported network, a file; or digits or resnet20.")
    ] = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose weights' size is shown.")
    ] = "8,4,2,1",
    plot: Annotated[
        Path | None, typer.Option(help="Draw what each plane says into this file, .svg or .png.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Show a network's layers: work, size at each k, accumulators, and what each plane says."""
    from .inspection import inspect

    inspect(network, parse_bits(bits), plot, as_json)


@app.command()
@with_array
def export(
    config: ArrayConfig,
    network: Annotated[
        str, typer.Argument(help="Exported network, a file; or digits or resnet20.")
    ] = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose parameters are written.")
    ] = "8,4,2,1",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/export"),
) -> None:
    """Write a network's weights and parameters as an array's memories, and a C header of them.

    Weights lie chunk-major, so that those of k bits are a prefix; .hex is for $readmemh, .bin
    for a DMA.
    """
    from .commands import export

    export(network, config, parse_bits(bits), out)


@app.command()
@with_array
def allocate(
    config: ArrayConfig,
    network: Annotated[
        str, typer.Argument(help="Exported network, a file; or digits, which is shipped.")
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
        typer.Option(help="Most cycles of an image, or such as 60% of those at the largest k."),
    ] = None,
    points: Annotated[int, typer.Option(min=2, help="Choices to measure, over all costs.")] = 24,
    calibrate: Annotated[
        int,
        typer.Option(
            min=0,
            help="Images, the last ones, that only move biases of mixed networks; 0: none move.",
        ),
    ] = 128,
    plot: Annotated[
        Path | None, typer.Option(help="Draw accuracy against cycles into this .svg or .png.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the choice for the budget as a network file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Choose a bit-width for each layer: the best accuracy in few cycles, and in a budget.

    What is written with --export runs on golden and on the RTL as any network: infer FILE -k 8.
    """
    from .allocation import Request, allocate

    allocate(
        Request(
            network,
            data,
            None if bits is None else parse_bits(bits),
            budget,
            points,
            calibrate,
            config,
        ),
        plot=plot,
        export=export,
        as_json=as_json,
    )


@app.command()
def train(
    network: Annotated[
        str, typer.Option(help="cnn, mlp, resnet18, resnet20, resnet50 or vgg-small.")
    ] = "cnn",
    dataset: Annotated[
        str, typer.Option(help="digits, mnist5k, cifar10, cifar100 or folders.")
    ] = "digits",
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set's files, where they are needed.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="digits, mnist5k, cifar or imagenet; default: by data set."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths to train; all others are calibrated.")
    ] = "8,4,2,1",
    act_bits: Annotated[int, typer.Option(help="Bits of the activations' codes.")] = 4,
    teacher: Annotated[
        str, typer.Option(help="distil: each width learns from the next higher; or labels.")
    ] = "distil",
    centred: Annotated[
        bool,
        typer.Option(help="Take each channel's mean off its weights before they are quantised."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of weights, order and moves of the images.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("build/train"),
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint in --out.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    autocast: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = False,
    compile_: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    study: Annotated[
        bool, typer.Option(help="Compare training schemes instead: the paper's table.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Of the study.")] = 3,
) -> None:
    """Train a network jointly at several bit-widths, export it, and compare the integers.

    Several GPUs or machines: start it with torchrun. With --study, train with rounding and with
    truncation in mind, and print the accuracy of each when deployed by truncation.
    """
    try:
        from .training import Run, chosen_recipe, train, train_study
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"Training needs the package {error.name}. Install it with: "
            "pip install 'truncmac[train]'"
        ) from error
    hyper = chosen_recipe(
        dataset,
        recipe,
        epochs=epochs,
        widths=tuple(parse_bits(bits)),
        act_bits=act_bits,
        teacher=teacher,
        centred=centred,
        seed=seed,
    )
    run = Run(network, dataset, data, hyper, out, device, autocast, compile_)
    if study:
        train_study(run, range(seed, seed + seeds))
    else:
        train(run, resume)


@app.command()
def explore(
    spec: Annotated[
        Path | None, typer.Argument(help="TOML file; options take the place of what is in it.")
    ] = None,
    workloads: Annotated[
        str | None,
        typer.Option(help="Names, topologies or networks: resnet20,digits [default: digits]."),
    ] = None,
    bits: Annotated[
        str | None, typer.Option("-k", "--bits", help="8,4,2,1 [default] or all.")
    ] = None,
    objectives: Annotated[
        str | None, typer.Option(help="Columns [default: images_per_s,peak_macs].")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Constraint: 'images_per_s>=30', 'pes<=64'; several.")
    ] = None,
    front: Annotated[
        str | None,
        typer.Option(help="A front for: each workload and k [default], workload, or worst of all."),
    ] = None,
    images: Annotated[int | None, typer.Option(help="Of a batch [default: 1].")] = None,
    data: Annotated[
        str | None, typer.Option(help="Labelled images of the networks, for their accuracy.")
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
        typer.Option(help="exhaustive, nsga2 or tpe [default: by the size of the space]."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Designs that a search evaluates [default: 2000].")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of searches and samples [default: 0].")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/explore"),
    resume: Annotated[bool, typer.Option(help="Keep the finished chunks in the folder.")] = False,
    scheduler: Annotated[str | None, typer.Option(help="Dask scheduler, tcp://HOST:PORT.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes [default: one a core if that pays]; 0: none but this."),
    ] = None,
    csv: Annotated[bool, typer.Option(help="Write all rows as points.csv, too.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the fronts into this .svg or .png.")
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
    from .exploring import Request, merged_settings, show_point
    from .exploring import explore as run

    if point is not None:
        if not show_point(point, as_json):
            raise typer.Exit(1)
        return
    chosen = merged_settings(
        spec,
        {
            "workloads": workloads,
            "bits": bits,
            "objectives": objectives,
            "front": front,
            "images": images,
            "data": data,
        },
        {
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
        {"method": search, "trials": trials, "seed": seed},
        where or [],
    )
    request = Request(out, resume, scheduler, workers, csv, plot, verify, as_json)
    if not run(chosen, request):
        raise typer.Exit(1)


@app.command()
@with_array
def fpga(
    config: ArrayConfig,
    device: Annotated[str, typer.Option(help="ECP5 LFE5U part: 25k, 45k or 85k.")] = "85k",
    target_mhz: Annotated[
        float, typer.Option(min=1, help="Clock that place and route aims at.")
    ] = 100.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the placement.")] = 1,
    dsp: Annotated[bool, typer.Option(help="Multiply in DSP blocks where that fits.")] = True,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/fpga"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Place and route an array on an ECP5: its area, DSPs, memories and clock, and a bitstream.

    The core has too many pins for a chip, so it stands behind a shift register and a parity tree.
    """
    from .fpga import fpga

    fpga(config, device, target_mhz, seed, dsp, out, as_json)


def main() -> None:
    """Run the command line; an error the user can mend is one line and exit code 2."""
    try:
        app()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        errors.print(f"[bold red]truncmac:[/] {escape(str(error))}", markup=True)
        sys.exit(2)
