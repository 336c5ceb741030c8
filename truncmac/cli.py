"""The command line: `truncmac rtl | sim | infer | inspect | export | train | characterise`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from truncmac.hw.config import ArrayConfig

from .options import (
    Cols,
    Lanes,
    MaxReduction,
    MultiplierBits,
    Planes,
    Requantisers,
    Rows,
    Simulator,
    parse_bits,
)
from .version import __version__

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Neural-network accelerators whose 8-bit weights are truncated at run time: "
    "generate the array, simulate it, run a network on it.",
)
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
def rtl(
    rows: Rows = 8,
    cols: Cols = 8,
    lanes: Lanes = 8,
    planes: Planes = 1,
    max_reduction: MaxReduction = 4608,
    requantisers: Requantisers = None,
    multiplier_bits: MultiplierBits = 18,
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
    config = ArrayConfig(rows, cols, lanes, planes, max_reduction, requantisers, multiplier_bits)
    rtl(config, top == "axi", bus_width, out)


@app.command()
def sim(
    rows: Rows = 8,
    cols: Cols = 8,
    lanes: Lanes = 8,
    planes: Planes = 1,
    max_reduction: MaxReduction = 4608,
    requantisers: Requantisers = None,
    multiplier_bits: MultiplierBits = 18,
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

    config = ArrayConfig(rows, cols, lanes, planes, max_reduction, requantisers, multiplier_bits)
    if not sim(config, simulator, parse_bits(bits), count, stall, seed):
        raise typer.Exit(1)


@app.command()
def infer(
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
    rows: Rows = 8,
    cols: Cols = 8,
    lanes: Lanes = 8,
    planes: Planes = 1,
    max_reduction: MaxReduction = 4608,
    requantisers: Requantisers = None,
    multiplier_bits: MultiplierBits = 18,
    simulator: Simulator = "verilator",
) -> None:
    """Classify images with a network, in the integer reference or on the RTL as well.

    On the RTL every output of every layer is compared with golden; the exit code is 1 if one
    differs.
    """
    from .commands import infer

    if on not in ("golden", "rtl"):
        raise ValueError(f"--on must be golden or rtl, not {on!r}")
    config = ArrayConfig(rows, cols, lanes, planes, max_reduction, requantisers, multiplier_bits)
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
def export(
    network: Annotated[
        str, typer.Argument(help="Exported network, a file; or digits or resnet20.")
    ] = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose parameters are written.")
    ] = "8,4,2,1",
    rows: Rows = 8,
    cols: Cols = 8,
    lanes: Lanes = 8,
    planes: Planes = 1,
    max_reduction: MaxReduction = 4608,
    requantisers: Requantisers = None,
    multiplier_bits: MultiplierBits = 18,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/export"),
) -> None:
    """Write a network's weights and parameters as an array's memories, and a C header of them.

    Weights lie chunk-major, so that those of k bits are a prefix; .hex is for $readmemh, .bin
    for a DMA.
    """
    from .commands import export

    config = ArrayConfig(rows, cols, lanes, planes, max_reduction, requantisers, multiplier_bits)
    export(network, config, parse_bits(bits), out)


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


@app.command("characterise")
def characterise_command(
    liberty: Annotated[list[Path], typer.Option(help="Liberty file; several: name it again.")],
    sram: Annotated[
        list[Path] | None, typer.Option(help="Liberty file of a memory macro; several: again.")
    ] = None,
    rows: Rows = 4,
    cols: Cols = 4,
    lanes: Lanes = 8,
    planes: Planes = 1,
    max_reduction: MaxReduction = 4608,
    requantisers: Requantisers = None,
    multiplier_bits: MultiplierBits = 18,
    fit_size: Annotated[
        list[str] | None, typer.Option(help="Another array size to measure, as 8x8; again.")
    ] = None,
    hold_out_size: Annotated[
        list[str] | None, typer.Option(help="An array size only for the errors, as 6x6; again.")
    ] = None,
    network: Annotated[
        str, typer.Option(help="Whose layers are run: a file, digits, or an example.")
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
    label: Annotated[str, typer.Option(help="Short name of the library.")] = "library",
    cache: Annotated[Path, typer.Option(help="Folder of what is done once.")] = Path(
        "build/energy"
    ),
    out: Annotated[Path | None, typer.Option(help="File to write; default: by its label.")] = None,
) -> None:
    """Measure energy, area and clock of a core on its netlist, synthesised with your library.

    The netlist runs layers of a network at each k, its outputs are compared with golden, and its
    nets' toggles become energy by the library's tables. See docs/energy.md.
    """
    from .characterisation import Request, run

    config = ArrayConfig(rows, cols, lanes, planes, max_reduction, requantisers, multiplier_bits)
    run(
        Request(
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
            out=out or Path("build/energy") / f"{label}_l{lanes}_p{planes}.json",
        )
    )


def main() -> None:
    """Run the command line; an error the user can mend is one line and exit code 2."""
    try:
        app()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        errors.print(f"[bold red]truncmac:[/] {escape(str(error))}", markup=True)
        sys.exit(2)
