"""Runs GEMMs through the RTL in a simulator: builds it once, plays memories, reads results."""

import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, VerilatorControlFile, get_runner

from truncmac.golden import Gemm
from truncmac.golden.files import copy_file, write_bytes
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.counters import counters_layout
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.tile import tile_layout
from truncmac.hw.verilog import core_verilog
from truncmac.integers import ceil_div
from truncmac.sim.axi.memories import Memories, read_counters, read_results
from truncmac.sim.stalls import NO_STALLS, Stalls
from truncmac.sim.tools import check_simulator, simulator_environment

from .places import check_installation, launcher, plain_folder

__all__ = ["Outcome", "SimulationError", "in_environment", "simulate"]

HERE = Path(__file__).parent
HARNESS = "truncmac_harness"
BUILD_ARGS = {
    "icarus": ["-g2005"],
    "verilator": ["--timing", "--no-public-flat-rw", "-Wno-fatal", "-Wno-WIDTH", "-O3"],
}
HANG_CYCLES = 100_000  # at least
STALLED_TILE = 50  # times the cycles of a tile that nothing stalls
SMALLEST_MEMORY = 1 << 17  # words; larger runs double it
SECONDS_BETWEEN_REPORTS = 0.2
SECONDS_OF_PATIENCE = 900.0  # after which a simulator that writes no result is ended


class SimulationError(RuntimeError):
    """The simulator could not be built or run, or the core hung."""


@dataclass(frozen=True)
class Outcome:
    """What the RTL made of one GEMM.

    Attributes
    ----------
    gemm : Gemm
    outputs : int64 array (M, N), codes, or S without requantisation
    counters : the core's counters, by name, of all the GEMMs that ran together
    """

    gemm: Gemm
    outputs: npt.NDArray[np.int64]
    counters: Mapping[str, int]

    @property
    def cycles(self) -> int:
        """Cycles from the first tile at work to the last result taken."""
        return self.counters["cycles"]

    @property
    def mismatches(self) -> int:
        """Number of outputs that differ from golden."""
        return int(np.count_nonzero(self.differences))

    @property
    def first_difference(self) -> tuple[int, int]:
        """Row and column of the first output that differs. There must be one."""
        row, column = np.unravel_index(int(self.differences.argmax()), self.outputs.shape)
        return int(row), int(column)

    @cached_property
    def differences(self) -> npt.NDArray[np.bool_]:
        """Which outputs differ from golden."""
        return np.asarray(self.outputs != self.gemm.outputs())


def simulate(
    gemms: Sequence[Gemm],
    config: ArrayConfig,
    *,
    simulator: str = "verilator",
    stalls: Stalls = NO_STALLS,
    together: int = 1,
    core: str | None = None,
    plusargs: Sequence[str] = (),
    build_root: Path = Path("build/sim"),
    patience_s: float = SECONDS_OF_PATIENCE,
    waves: Path | None = None,
    on_build: Callable[[], None] = lambda: None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[Outcome]:
    """Run `gemms`, in order, through the RTL of `config`, in one simulation.

    Parameters
    ----------
    simulator : "verilator" or "icarus"
    stalls : pauses of the streams
    together : number of GEMMs that follow each other without a pause, before the core is idle
    core : Verilog of the core, where it is not what `hw` generates
    plusargs : more options of the harness, such as "+reset_at=100"
    build_root : folder that keeps the built simulators, each in a folder of its own; any number
        of processes may share it
    patience_s : seconds after which a simulator that writes nothing is ended
    waves : file for the run's waveforms, a VCD; `sim/rtl/waves.py` makes views of it
    on_build : called when the simulator is built and the run begins
    on_progress : called with the number of GEMMs done so far

    Raises
    ------
    ValueError
        If a GEMM does not fit the array; then nothing has run.
    ToolMissingError, SimulationError
        With the program to install, or the log to read.
    """
    check_simulator(simulator)
    check_installation(simulator)
    memories = Memories(config)
    for index, gemm in enumerate(gemms, 1):
        memories.add(gemm, last=index % together == 0 or index == len(gemms))
    depth = max(SMALLEST_MEMORY, 1 << (memories.depth - 1).bit_length())
    name = f"{simulator}_waves_{config.name}" if waves else f"{simulator}_{config.name}"
    name += f"_d{depth.bit_length() - 1}"
    if core is not None:  # so that no core takes another's binary
        name += f"_{hashlib.sha256(core.encode()).hexdigest()[:8]}"
    folder = plain_folder((build_root / name).resolve())
    folder.mkdir(parents=True, exist_ok=True)
    environment = simulator_environment(simulator)
    with _locked(folder), in_environment(environment):
        verilog = core or core_verilog(config)
        runner = _build(verilog, config, simulator, depth, folder, recorded=waves is not None)
    on_build()
    with (
        tempfile.TemporaryDirectory(prefix="run_", dir=folder) as place,
        in_environment({**environment, "SIM_CMD_PREFIX": str(launcher(Path(place), patience_s))}),
    ):
        run = Path(place)
        sizes = memories.write(run)
        options = [f"+{key}={value}" for key, value in sizes.items()] + stalls.plusargs()
        options.append(f"+hang_cycles={_hang_cycles(gemms, config)}")
        # The runner's own arguments switch Icarus' dump off, or make it an FST
        dumped = {"SIM_CMD_SUFFIX": "-vcd"} if waves and simulator == "icarus" else {}
        recorded = waves is not None and simulator == "verilator"
        with in_environment(dumped):
            _run(runner, folder, run, [*options, *plusargs], on_progress, recorded=recorded)
        outputs = read_results(run / "results.hex", gemms, config)
        counters = read_counters(run / "jobs.hex")
        if waves is not None:
            copy_file(run / "dump.vcd", waves)
    return [
        Outcome(gemm, part, counters[index // together])
        for index, (gemm, part) in enumerate(zip(gemms, outputs, strict=True))
    ]


def _hang_cycles(gemms: Sequence[Gemm], config: ArrayConfig) -> int:
    """Cycles without a result after which the core hangs: more than a stalled tile takes."""
    tiles = (
        ceil_div(g.reduction, config.lanes) * chunk_count(g.bits, config.planes) for g in gemms
    )
    return max(HANG_CYCLES, STALLED_TILE * max(tiles, default=0))


def _build(
    verilog: str,
    config: ArrayConfig,
    simulator: str,
    depth: int,
    folder: Path,
    *,
    recorded: bool,
) -> Runner:
    """Compile core and harness. A build whose sources are unchanged takes no time."""
    core = folder / "truncmac_core.v"
    write_bytes(core, verilog.encode(), keep_unchanged=True)
    sources: list[Path | VerilatorControlFile] = [HERE / "harness.v", core]
    arguments = BUILD_ARGS[simulator]
    if recorded:
        sources.append(HERE / "waves.v")
        arguments = [*arguments, "-DTRUNCMAC_WAVES"]
    if simulator == "verilator":
        sources.append(VerilatorControlFile(HERE / "verilator.vlt"))
    runner = get_runner(simulator)
    log = folder / "build.log"
    try:
        runner.build(
            sources=sources,
            hdl_toplevel=HARNESS,
            build_dir=folder,
            build_args=arguments,
            parameters={
                "ROWS": config.rows,
                "COLS": config.cols,
                "LANES": config.lanes,
                "PLANES": config.planes,
                "REQUANTISERS": config.requantisers,
                "SUM_WIDTH": config.sum_width,
                "BEATS_WIDTH": config.beats_width,
                "TILE_WIDTH": tile_layout(config).size,
                "PARAMETERS_WIDTH": parameters_layout(config).size,
                "COUNTERS_WIDTH": counters_layout().size,
                "MEMORY_DEPTH": depth,
            },
            timescale=("1ns", "1ps"),
            waves=recorded and simulator == "verilator",
            log_file=log,
        )
    except (Exception, SystemExit) as error:
        raise SimulationError(f"{simulator} could not build the array; see {log}") from error
    return runner


def _run(
    runner: Runner,
    folder: Path,
    run: Path,
    plusargs: Sequence[str],
    on_progress: Callable[[int], None],
    *,
    recorded: bool,
) -> None:
    log = run / "run.log"
    jobs = run / "jobs.hex"
    failure: list[BaseException] = []

    def play() -> None:
        try:
            results = runner.test(
                hdl_toplevel=HARNESS,
                hdl_toplevel_lang="verilog",
                test_module="truncmac.sim.rtl.bench",
                build_dir=folder,
                test_dir=run,
                waves=recorded,
                plusargs=plusargs,
                seed=1,
                log_file=log,
            )
            if get_results(results) != (1, 0):
                raise SimulationError("the bench failed")
        except (Exception, SystemExit) as error:
            failure.append(error)

    thread = threading.Thread(target=play)
    thread.start()
    while thread.is_alive():
        thread.join(SECONDS_BETWEEN_REPORTS)
        on_progress(jobs.read_bytes().count(b"\n") if jobs.exists() else 0)
    if failure:
        kept = folder / f"{run.name}.log"
        if log.exists():
            log.replace(kept)
        raise SimulationError(f"The simulation did not finish; see {kept}") from failure[0]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time build in `folder`."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the programs started within."""
    saved = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
