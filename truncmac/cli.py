"""The command line: `truncmac --help` lists its commands."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from truncmac.hw.config import ArrayConfig

from .options import (
    ARRAY_HELP,
    Simulator,
    parse_bits,
    parse_image,
    parse_settings,
    with_array,
    with_sizes,
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
            "resnet20 or resnet18, of made-up weights and images."
        ),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images, and labels if known: .safetensors, .npz or .npy, or a folder of PNG or "
            "JPEG files, in folders of classes if known; default: those of the named network."
        ),
    ] = None,
    bits: Annotated[
        str,
        typer.Option(
            "-k",
            "--bits",
            help="Bit-widths: 8,4,2,1, or all that the network has; in their place also files "
            "that give each layer its own, .json or .toml.",
        ),
    ] = "8,4,2,1",
    on: Annotated[
        str,
        typer.Option(
            help="golden; or both, or rtl: the RTL as well, and every output of every layer is "
            "compared with golden."
        ),
    ] = "golden",
    images: Annotated[
        int, typer.Option(min=1, help="Images that run on the RTL; golden takes all.")
    ] = 32,
    layers: Annotated[
        bool, typer.Option("--layers", help="Show each layer; so it is anyway for a single k.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="As --on both; show all operands of the first output that differs."
        ),
    ] = False,
    dump: Annotated[
        Path | None, typer.Option(help="Keep golden's outputs of each layer here, as .npy.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    simulator: Simulator = "verilator",
) -> None:
    """Classify images with a network, in the integer reference or on the RTL as well.

    On the RTL every output of every layer is compared with golden; the exit code is 1 if one
    differs.
    """
    from .inference import Inference, infer

    if on not in ("golden", "rtl", "both"):
        raise ValueError(f"--on must be golden, rtl or both, not {on!r}")
    inference = Inference(
        network,
        data,
        parse_settings(bits),
        on_rtl=compare or on != "golden",
        images=images,
        simulator=simulator,
        dump=dump,
        layers=layers,
        compare=compare,
        as_json=as_json,
    )
    if not infer(inference, config):
        raise typer.Exit(1)


@app.command()
def inspect(
    network: Annotated[
        str, typer.Argument(help="Exported network, a file; or digits, resnet20 or resnet18.")
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
        str, typer.Argument(help="Exported network, a file; or digits, resnet20 or resnet18.")
    ] = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose parameters are written.")
    ] = "8,4,2,1",
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            help="memories: of an array, and a C header; qonnx: one ONNX file for each k.",
        ),
    ] = "memories",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("build/export"),
) -> None:
    """Write a network's weights and parameters as an array's memories, and a C header of them.

    Weights lie chunk-major, so that those of k bits are a prefix; .hex is for $readmemh, .bin
    for a DMA. Or write it as QONNX, which other tools run with the same result, bit for bit.
    """
    from .commands import export, export_qonnx

    if kind not in ("memories", "qonnx"):
        raise ValueError(f"--format must be memories or qonnx, not {kind!r}")
    if kind == "qonnx":
        export_qonnx(network, parse_bits(bits), out)
        return
    export(network, config, parse_bits(bits), out)


@app.command("import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            help="QONNX or ONNX with quantisers (.onnx); a training run's checkpoint or a "
            "state_dict (.safetensors, .pt); or a folder of .npy arrays."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Network file to write.")] = Path("network.safetensors"),
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
        int, typer.Option(help="Bits of the activations' codes.", rich_help_panel="State_dict")
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
) -> None:
    """Make a network file of weights from elsewhere: QONNX, Brevitas, PyTorch, NumPy arrays."""
    from .importing import Source, import_network

    shape = None if image is None else parse_image(image)
    import_network(
        Source(
            source,
            parse_bits(bits),
            data,
            network,
            shape,
            classes,
            act_bits,
            percentile,
            edge_bits or None,
            multiplier_bits,
            centred,
        ),
        out,
    )


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
        typer.Option(help="Most cost of an image, or such as 60% of that at the largest k."),
    ] = None,
    cost: Annotated[
        str, typer.Option(help="cycles of the array; or energy of the core, in nJ.")
    ] = "cycles",
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
    """Choose a bit-width for each layer: the best accuracy at little cost, and in a budget.

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
            cost,
        ),
        plot=plot,
        export=export,
        as_json=as_json,
    )


@app.command()
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
        str, typer.Option(help="edge, fpga or datacentre: the array and its surroundings.")
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
        str, typer.Option(help="Of each layer's order: time, or traffic to the DRAM.")
    ] = "time",
    energy: Annotated[
        str,
        typer.Option(
            help="Figures of energy: ihp-sg13g2, sky130 or asap7; a file that characterise wrote; "
            "or none."
        ),
    ] = "ihp-sg13g2",
    form: Annotated[
        str | None,
        typer.Option("--format", help="Print only this: html, json, md, csv or table."),
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
    from .report import Request, report

    if goal not in ("time", "traffic"):
        raise ValueError(f"--goal must be time or traffic, not {goal!r}")
    request = Request(
        network,
        platform,
        sizes,
        clock_mhz,
        dram_gbs,
        activation_kib,
        weight_kib,
        parse_bits(bits),
        images,
        "time" if goal == "time" else "traffic",
        energy,
    )
    report(request, form, out)


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
    calibrate: Annotated[
        bool,
        typer.Option(help="Take the batch-norm statistics of every k anew when training is done."),
    ] = True,
    seed: Annotated[int, typer.Option(help="Of weights, order and moves of the images.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("build/train"),
    resume: Annotated[
        bool, typer.Option(help="Go on from the checkpoint, or the finished runs, in --out.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    autocast: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = False,
    compile_: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    study: Annotated[
        bool, typer.Option(help="Compare training schemes instead: the paper's table.")
    ] = False,
    trials: Annotated[
        bool,
        typer.Option(help="Try changes to the recipe on held-out images; judge the best on test."),
    ] = False,
    changes: Annotated[
        str, typer.Option(help="Of the trials: all, or names with commas between.")
    ] = "all",
    seeds: Annotated[int, typer.Option(min=1, help="Of the study or the trials.")] = 3,
) -> None:
    """Train a network jointly at several bit-widths, export it, and compare the integers.

    Several GPUs or machines: start it with torchrun. With --study, train with rounding and with
    truncation in mind, and print the accuracy of each when deployed by truncation. Both --study
    and --trials keep each finished run: --resume goes on.
    """
    try:
        from .training import Run, chosen_recipe, train
        from .trials import train_study, train_trials
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
        calibrated=calibrate,
        seed=seed,
    )
    run = Run(network, dataset, data, hyper, out, device, autocast, compile_)
    if study and trials:
        raise ValueError("Choose one of --study and --trials")
    if study:
        train_study(run, range(seed, seed + seeds), resume)
    elif trials:
        train_trials(run, range(seed, seed + seeds), resume, changes)
    else:
        train(run, resume)


@app.command("characterise")
@with_sizes
def characterise_command(
    sizes: Mapping[str, int],
    liberty: Annotated[list[Path], typer.Option(help="Liberty file; several: name it again.")],
    sram: Annotated[
        list[Path] | None, typer.Option(help="Liberty file of a memory macro; several: again.")
    ] = None,
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
    shapes: Annotated[
        str | None,
        typer.Option(help="Several PE shapes, LANESxPLANES, as 16x2,8x1, each to its own file."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Of shapes: Dask scheduler, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Of shapes: processes [default: one a core].")
    ] = None,
) -> None:
    """Measure energy, area and clock of a core on its netlist, synthesised with your library.

    The netlist runs layers of a network at each k, its outputs are compared with golden, and its
    nets' toggles become energy by the library's tables. See docs/energy.md. The array is 4 x 4 PEs
    unless you say otherwise.
    """
    from .characterisation import Request, run, run_all, shapes_of

    config = ArrayConfig(**({"rows": 4, "cols": 4} | dict(sizes)))
    if shapes is not None and out is not None:
        raise ValueError("--out must not come with --shapes: each has a file by its label")

    def request(config: ArrayConfig) -> Request:
        name = f"{label}_l{config.lanes}_p{config.planes}.json"
        return Request(
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
        )

    if shapes is None:
        run(request(config))
    elif not run_all([request(c) for c in shapes_of(config, shapes)], scheduler, workers):
        raise typer.Exit(1)


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
        typer.Option(
            help="A front for: each workload and k [default], workload, all, or worst of all."
        ),
    ] = None,
    images: Annotated[int | None, typer.Option(help="Of a batch [default: 1].")] = None,
    data: Annotated[
        str | None, typer.Option(help="Labelled images of the networks, for their accuracy.")
    ] = None,
    library: Annotated[
        str | None,
        typer.Option(
            help="Of energy and area: a name, a file of characterise, or a folder of such "
            "[default: ihp-sg13g2 where an objective or constraint needs it]."
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
            "library": library,
            "fpga": fpga,
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
    designs: Annotated[
        Path | None,
        typer.Option(help="Place the arrays of this front.json of explore, in place of one."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Of designs: keep results that are there.")] = False,
    scheduler: Annotated[
        str | None, typer.Option(help="Of designs: Dask scheduler, tcp://HOST:PORT.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Of designs: processes [default: one a core].")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Place and route an array on an ECP5: its area, DSPs, memories and clock, and a bitstream.

    The core has too many pins for a chip, so it stands behind a shift register and a parity tree.
    """
    from .fpga import Where, fpga, fpga_all

    if designs is not None:
        where = Where(resume, scheduler, workers)
        if not fpga_all(designs, device, target_mhz, seed, dsp, out, where, as_json):
            raise typer.Exit(1)
        return
    fpga(config, device, target_mhz, seed, dsp, out, as_json)


def main() -> None:
    """Run the command line; an error the user can mend is one line and exit code 2."""
    try:
        app()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        errors.print(f"[bold red]truncmac:[/] {escape(str(error))}", markup=True)
        sys.exit(2)
