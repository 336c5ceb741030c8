"""Runs programs on the NPU's Verilog beside a memory, many in one simulation."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from truncmac.golden.files import copy_file
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog
from truncmac.sim.tools import check_simulator

from ..simulator import SECONDS_OF_PATIENCE, Harness, SimulationError, built
from .image import ORIGIN, MemoryImage
from .pauses import PROMPT, Pauses
from .runs import ProgramOutcome, ProgramRun

__all__ = ["BUILD_ARGS", "memory_harness", "run_programs"]

HERE = Path(__file__).parent
HANG_CYCLES = 1_000_000  # without a transfer: longer than any layer computes on end
MOST_RUNS = 4096
# Compilers take long for long functions, and for many files: short functions, in few files
BUILD_ARGS = {"verilator": ["--output-split-cfuncs", "500", "--output-split", "400000"]}
SMALLEST_MEMORY = {"verilator": 1 << 24, "icarus": 1 << 16}  # bytes; larger runs double it


def run_programs(
    runs: Sequence[ProgramRun],
    config: NpuConfig,
    *,
    simulator: str = "verilator",
    pauses: Pauses = PROMPT,
    axi_ram: bool = False,
    verilog: str | None = None,
    optimised: bool = True,
    hang_cycles: int = HANG_CYCLES,
    plusargs: Sequence[str] = (),
    build_root: Path = Path("build/sim"),
    patience_s: float = SECONDS_OF_PATIENCE,
    waves: Path | None = None,
    on_build: Callable[[], None] = lambda: None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[ProgramOutcome]:
    """Run programs on the NPU of `config`, one after the other, without a reset in between.

    For each, software in the harness writes the registers, starts the program, waits for the
    interrupt, and reads status, index and cycles. The NPU is touched through its ports alone.

    Parameters
    ----------
    simulator : "verilator" or "icarus"
    pauses : the memory's latency and pauses
    axi_ram : use memory and bus master of cocotbext-axi, an implementation that is not ours, which
        knows random pauses only; else those of the harness, which are fast
    verilog : Verilog of the NPU, where it is not what `hw` generates
    optimised : compile for speed; else a short run is done earlier
    hang_cycles : cycles without a transfer on any bus after which the NPU hangs
    plusargs : more options of the harness, such as "+reset_edges=1"
    build_root : folder that keeps the built simulators
    patience_s : seconds after which a simulator that writes nothing is ended
    waves : file for the runs' waveforms, a VCD; `sim/rtl/waves.py` makes views of it
    on_build : called when the simulator is built and the run begins
    on_progress : called with the number of runs done so far

    Raises
    ------
    ToolMissingError, SimulationError
        With the program to install, or the log to read; or which run broke a rule of AXI4.
    """
    check_simulator(simulator)
    if not 1 <= len(runs) <= MOST_RUNS:
        raise ValueError(f"Number of runs must be in 1..{MOST_RUNS}, not {len(runs)}")
    if axi_ram:
        _check_axi_ram(runs, pauses)
    image = MemoryImage.of(config, runs)
    size = max(SMALLEST_MEMORY[simulator], 1 << (image.size - 1).bit_length())
    text = verilog or npu_verilog(config)
    harness = _axi_harness(text, config) if axi_ram else memory_harness(text, config, size)
    if waves is not None:
        harness = harness.recorded()
    kind = "axi" if axi_ram else f"m{size.bit_length() - 1}"
    name = f"{simulator}_npu_{config.configuration:08x}_{kind}"
    if waves is not None:
        name += "_waves"
    if not optimised:
        harness = replace(harness, optimised=False)
        name += "_quick"
    if verilog is not None:
        name += f"_{harness.digest}"
    ready = built(harness, simulator, build_root, name)
    on_build()
    with ready.place() as run:
        options = [*image.write(run), *pauses.plusargs(), f"+hang_cycles={hang_cycles}"]
        options += plusargs
        ready.play(
            run,
            options,
            progress=run / "results.hex",
            patience_s=patience_s,
            on_progress=on_progress,
        )
        if waves is not None:
            copy_file(run / "dump.vcd", waves)
        try:
            return image.outcomes(run)
        except ValueError as error:
            raise SimulationError(str(error)) from None


def memory_harness(verilog: str, config: NpuConfig, size: int) -> Harness:
    """The NPU beside a memory of `size` bytes."""
    return Harness(
        top="truncmac_npu_harness",
        what="NPU",
        sources=[HERE.parent / "pause.v", HERE / "harness.v"],
        design=f"{NPU_TOP}.v",
        verilog=verilog,
        controls=HERE / "verilator.vlt",
        arguments=BUILD_ARGS,
        bench="truncmac.sim.rtl.bench",
        parameters={
            "BUS": config.bus_width,
            "MEMORY_WORDS": size // config.bus_bytes,
            "ORIGIN": ORIGIN,
            "MOST_RUNS": MOST_RUNS,
        },
    )


def _axi_harness(verilog: str, config: NpuConfig) -> Harness:
    """The NPU alone; its memory and its master are in Python."""
    return Harness(
        top="truncmac_npu_axi",
        what="NPU",
        sources=[HERE / "axi.v"],
        design=f"{NPU_TOP}.v",
        verilog=verilog,
        controls=HERE / "axi.vlt",
        arguments=BUILD_ARGS,
        bench="truncmac.sim.rtl.npu.axi_bench",
        parameters={"BUS": config.bus_width},
    )


def _check_axi_ram(runs: Sequence[ProgramRun], pauses: Pauses) -> None:
    if pauses.latency != 1 or pauses.gaps:
        raise ValueError("AxiRam has pauses at random only, no latency and no gaps")
    if any(run.error or run.again_at or run.stop_at or run.reset_at for run in runs):
        raise ValueError("With AxiRam a run has no bus error, second start, stop or reset")
