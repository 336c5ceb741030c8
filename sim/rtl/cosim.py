"""Runs GEMMs through the RTL in a simulator: builds it once, plays memories, reads results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm
from truncmac.golden.files import copy_file
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.counters import counters_layout
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.tile import tile_layout
from truncmac.hw.verilog import core_verilog
from truncmac.integers import ceil_div
from truncmac.sim.axi.memories import Memories, read_counters, read_results
from truncmac.sim.stalls import NO_STALLS, Stalls
from truncmac.sim.tools import check_simulator

from .places import check_installation
from .simulator import SECONDS_OF_PATIENCE, Harness, built

__all__ = ["Outcome", "simulate"]

HERE = Path(__file__).parent
HANG_CYCLES = 100_000  # at least
STALLED_TILE = 50  # times the cycles of a tile that nothing stalls
SMALLEST_MEMORY = 1 << 17  # words; larger runs double it


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
    harness = _harness(core or core_verilog(config), config, depth, recorded=waves is not None)
    name = f"{simulator}_waves_{config.name}" if waves else f"{simulator}_{config.name}"
    name += f"_d{depth.bit_length() - 1}"
    if core is not None:  # so that no core takes another's binary
        name += f"_{harness.digest}"
    built_simulator = built(harness, simulator, build_root, name)
    on_build()
    with built_simulator.place() as run:
        sizes = memories.write(run)
        options = [f"+{key}={value}" for key, value in sizes.items()] + stalls.plusargs()
        options.append(f"+hang_cycles={_hang_cycles(gemms, config)}")
        built_simulator.play(
            run,
            [*options, *plusargs],
            progress=run / "jobs.hex",
            patience_s=patience_s,
            on_progress=on_progress,
        )
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


def _harness(verilog: str, config: ArrayConfig, depth: int, *, recorded: bool) -> Harness:
    """The core with its harness, whose memories have `depth` words."""
    sources = ["pause.v", "harness.v", *(["waves.v"] if recorded else [])]
    harness = Harness(
        top="truncmac_harness",
        what="array",
        sources=[HERE / name for name in sources],
        design="truncmac_core.v",
        verilog=verilog,
        controls=HERE / "verilator.vlt",
        bench="truncmac.sim.rtl.bench",
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
    )
    return harness.recorded() if recorded else harness
