"""Builds a harness for a simulator once, and runs it: what all harnesses of this package share."""

import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Runner, VerilatorControlFile, get_runner

from truncmac.golden.files import write_bytes
from truncmac.sim.tools import check_simulator, simulator_environment

from .places import check_installation, launcher, plain_folder

__all__ = ["Harness", "SimulationError", "Simulator", "built", "in_environment"]

BUILD_ARGS = {
    "icarus": ["-g2005"],
    "verilator": ["--timing", "--no-public-flat-rw", "-Wno-fatal", "-Wno-WIDTH", "-O3"],
}
SECONDS_BETWEEN_REPORTS = 0.2
SECONDS_OF_PATIENCE = 900.0  # after which a simulator that writes no result is ended


class SimulationError(RuntimeError):
    """The simulator could not be built or run, or the hardware hung."""


@dataclass(frozen=True)
class Harness:
    """A design with its harness, as sources of a simulator.

    Attributes
    ----------
    top : its top module
    what : the design, in messages
    sources : files of the harness
    design, verilog : name of the design's own file, and its text
    controls : a file of settings for Verilator
    parameters : of the top module
    bench : module of the cocotb side
    arguments : more arguments of a simulator's build, by simulator
    records : whether the simulator writes waveforms
    optimised : compile for speed; else a short run is done earlier
    """

    top: str
    what: str
    sources: Sequence[Path]
    design: str
    verilog: str
    controls: Path
    parameters: Mapping[str, int]
    bench: str
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    records: bool = False
    optimised: bool = True

    def recorded(self) -> "Harness":
        """Return the same, whose simulator writes waveforms: Verilog sees TRUNCMAC_WAVES."""
        arguments = {
            name: [*self.arguments.get(name, ()), "-DTRUNCMAC_WAVES"] for name in BUILD_ARGS
        }
        return replace(self, arguments=arguments, records=True)

    @property
    def digest(self) -> str:
        """A short name of the design's text, so that no design takes another's binary."""
        return hashlib.sha256(self.verilog.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Simulator:
    """A harness that is built.

    Attributes
    ----------
    name : "verilator" or "icarus"
    harness : what was built
    folder : where
    runner : cocotb's
    """

    name: str
    harness: Harness
    folder: Path
    runner: Runner

    @contextmanager
    def place(self) -> Iterator[Path]:
        """A folder for a run, which is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="run_", dir=self.folder) as place:
            yield Path(place)

    def play(
        self,
        run: Path,
        plusargs: Sequence[str],
        *,
        progress: Path,
        patience_s: float = SECONDS_OF_PATIENCE,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Run the simulator in the folder `run`, of `place`.

        Parameters
        ----------
        plusargs : options of the harness
        progress : a file that the harness adds a line to for each job that is done
        patience_s : seconds after which a simulator that writes nothing is ended
        on_progress : called with the number of jobs done so far

        Raises
        ------
        SimulationError
            If the run does not end, or the bench fails: names the log.
        """
        log = run / "run.log"
        failure: list[BaseException] = []

        def work() -> None:
            try:
                results = self.runner.test(
                    hdl_toplevel=self.harness.top,
                    hdl_toplevel_lang="verilog",
                    test_module=self.harness.bench,
                    build_dir=self.folder,
                    test_dir=run,
                    waves=self.harness.records and self.name == "verilator",
                    plusargs=plusargs,
                    seed=1,
                    log_file=log,
                )
                if get_results(results) != (1, 0):
                    raise SimulationError("the bench failed")
            except (Exception, SystemExit) as error:
                failure.append(error)

        watched = {"SIM_CMD_PREFIX": str(launcher(run, patience_s))}
        # The runner's own arguments switch Icarus' dump off, or make it an FST
        dumps = self.harness.records and self.name == "icarus"
        recorded = {"SIM_CMD_SUFFIX": "-vcd"} if dumps else {}
        variables = {**simulator_environment(self.name), **watched, **recorded}
        with in_environment(variables):
            thread = threading.Thread(target=work)
            thread.start()
            while thread.is_alive():
                thread.join(SECONDS_BETWEEN_REPORTS)
                on_progress(progress.read_bytes().count(b"\n") if progress.exists() else 0)
        if failure:
            kept = self.folder / f"{run.name}.log"
            if log.exists():
                log.replace(kept)
            raise SimulationError(f"The simulation did not finish; see {kept}") from failure[0]


def built(harness: Harness, simulator: str, root: Path, name: str) -> Simulator:
    """Build a harness in the folder `name` of `root`; where its sources are unchanged, at once.

    Any number of processes may share `root`.

    Parameters
    ----------
    simulator : "verilator" or "icarus"
    name : two harnesses that differ in more than the design's text never have the same

    Raises
    ------
    ToolMissingError, SimulationError
        With the program to install, or the log to read.
    """
    check_simulator(simulator)
    check_installation(simulator)
    folder = plain_folder((root / name).resolve())
    folder.mkdir(parents=True, exist_ok=True)
    environment = simulator_environment(simulator, optimised=harness.optimised)
    with _locked(folder), in_environment(environment):
        return Simulator(simulator, harness, folder, _runner(harness, simulator, folder))


def _runner(harness: Harness, simulator: str, folder: Path) -> Runner:
    """Compile design and harness."""
    design = folder / harness.design
    write_bytes(design, harness.verilog.encode(), keep_unchanged=True)
    sources: list[Path | VerilatorControlFile] = [*harness.sources, design]
    if simulator == "verilator":
        sources.append(VerilatorControlFile(harness.controls))
    runner = get_runner(simulator)
    log = folder / "build.log"
    try:
        runner.build(
            sources=sources,
            hdl_toplevel=harness.top,
            build_dir=folder,
            build_args=[*BUILD_ARGS[simulator], *harness.arguments.get(simulator, ())],
            parameters=harness.parameters,
            timescale=("1ns", "1ps"),
            waves=harness.records and simulator == "verilator",
            log_file=log,
        )
    except (Exception, SystemExit) as error:
        raise SimulationError(
            f"{simulator} could not build the {harness.what}; see {log}"
        ) from error
    return runner


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
