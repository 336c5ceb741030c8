"""Fuzzes the loaders of files, one after the other: `python -m tests.fuzz [SECONDS]` of each.

Installs Atheris where it is missing; it has no place in pyproject.toml, since it comes for few
platforms.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

LOADERS = Path(__file__).with_name("loaders.py")
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
KINDS = (
    *("network", "description", "safetensors", "npy", "npz", "png", "settings", "cifar"),
    "checkpoint",
)
SECONDS_EACH = 67  # ten minutes for all


def main(seconds: int) -> int:
    """Fuzz all kinds of files; exit code 1 at the first that ends in an error."""
    if importlib.util.find_spec("atheris") is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", CONSTRAINTS]
        subprocess.run([*pip, "atheris"], check=True)
    for kind in KINDS:
        run = subprocess.run([sys.executable, LOADERS, kind, str(seconds)], check=False)
        if run.returncode:
            print(f"{kind}: exit code {run.returncode}, see build/fuzz/{kind}")
            return 1
    print(f"{len(KINDS)} kinds of files, {seconds} s each, no error")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS_EACH))
