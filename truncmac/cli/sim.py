"""`truncmac sim`: random products on the core, or random networks on the NPU, against golden."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, Simulator, Sizes, parse_bits, with_hardware
from .outputs import output_file

__all__ = ["sim"]

PRODUCTS, NETWORKS = 12, 4


@with_hardware
def sim(
    sizes: Sizes,
    top: Annotated[
        Literal["core", "npu"],
        typer.Option(
            help="What runs: random matrix products on the core, or random networks, compiled, on "
            "the NPU."
        ),
    ] = "core",
    simulator: Simulator = "verilator",
    bits: Annotated[
        str,
        typer.Option(
            "-k",
            "--bits",
            help="Bit-widths to run, such as 8,4,2,1, or all; the random networks of --top npu "
            "have 8, 5, 2 and 1.",
        ),
    ] = "all",
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of random products, or networks, at each bit-width. Default: 12 products "
            "or 4 networks.",
        ),
    ] = None,
    stall: Annotated[
        float,
        typer.Option(
            help="Share of the cycles, from 0 to 0.99, in which each stream, or each channel of "
            "the NPU's bus, pauses."
        ),
    ] = 0.3,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed for shapes, values and pauses.")
    ] = 0,
    waves: Annotated[
        Path | None,
        typer.Option(
            callback=output_file,
            help="Record the run in this .vcd file, and write views of it for GTKWave (.gtkw) and "
            "Surfer (.sucl) beside it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run random matrix products on the RTL and compare every output with golden.

    With --top npu: run random networks, and compare every byte that they leave in memory with the
    reference. Memory and bus master are those of cocotbext-axi. The exit code is 1 if an output
    differs.
    """
    from truncmac.commands.sim import NpuSimRequest, SimRequest, sim, sim_npu

    if top == "npu":
        npu_request = NpuSimRequest(
            config=sizes.npu(),
            simulator=simulator,
            bits=None if bits == "all" else parse_bits(bits),
            count=count or NETWORKS,
            stall=stall,
            seed=seed,
            waves=waves,
        )
        right = sim_npu(npu_request, as_json=as_json)
    else:
        sizes.check_unused("--top npu")
        request = SimRequest(
            config=sizes.core(),
            simulator=simulator,
            bits=parse_bits(bits),
            count=count or PRODUCTS,
            stall=stall,
            seed=seed,
            waves=waves,
        )
        right = sim(request, as_json=as_json)
    if not right:
        raise typer.Exit(1)
