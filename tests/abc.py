"""ABC, as the proofs, the mutants and the coverage call it."""

from pathlib import Path

from truncmac.sim.tools import run_tool

__all__ = ["ABC", "run_abc"]

ABC = Path(__file__).parent / "formal" / "abc.sh"


def run_abc(commands: str, folder: Path, seconds: float) -> str:
    """Run commands of ABC in `folder`, and return what it prints.

    Raises
    ------
    RuntimeError
        If it fails, with the last lines that it wrote.
    subprocess.TimeoutExpired
        If it takes longer than `seconds`.
    """
    return run_tool(str(ABC), "-c", commands, folder=folder, extra="dev", seconds=seconds)
