"""Compiles a file of a simulator, or takes what was made of it before.

    python objects.py FOLDER COMPILER ARGUMENTS...

Verilator's makefiles call this through the variable OBJCACHE. Every simulator is linked with
Verilator's library, which takes longer to compile than a small array. So each of its files is
compiled once for each compiler and each set of arguments; FOLDER keeps the objects. A model's own
files are compiled each time.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def launcher() -> str:
    """What OBJCACHE must be for make to call this file, with a folder that all tests share."""
    folder = ROOT / "build" / "tests" / "objects"
    return " ".join(map(str, (sys.executable, "-I", "-S", __file__, folder)))


def library(source: Path) -> bool:
    """Whether the file belongs to Verilator, not to a model."""
    return source.parent == Path(os.environ["VERILATOR_ROOT"]) / "include"


def key(command: list[str], source: Path) -> str:
    """Hash of all that the object depends on."""
    compiler = Path(shutil.which(command[0]) or command[0]).resolve()
    digest = hashlib.sha256(f"{compiler} {compiler.stat().st_mtime_ns}".encode())
    digest.update("\0".join(command).encode())
    for path in (source, *sorted(source.parent.glob("*.h"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def main(folder: Path, command: list[str]) -> int:
    """Run the command, or copy the object that it would make; return its exit code."""
    if "-c" not in command[:-1] or "-o" not in command or not library(Path(command[-1])):
        return subprocess.run(command, check=False).returncode
    at = command.index("-o")
    target = Path(command[at + 1])
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{key(command[:at] + command[at + 2 :], Path(command[-1]))}.o"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            code = subprocess.run(command, check=False).returncode
            if code:
                return code
            part = kept.with_suffix(".part")
            shutil.copyfile(target, part)
            part.replace(kept)
            return 0
    shutil.copyfile(kept, target)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
