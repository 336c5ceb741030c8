"""Compiles a file of a simulator, or takes what was made of it before.

    python objects.py FOLDER COMPILER ARGUMENTS...

Verilator's makefiles call this through the variable OBJCACHE. Every simulator is linked with
Verilator's library, which takes longer to compile than a small array. So each of its files is
compiled once for each compiler and each set of arguments; FOLDER keeps the objects. A model's own
files are compiled each time, but with the library's headers compiled before: reading them takes
longer than a small array, too.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADERS = ("verilated.h", "verilated_dpi.h", "verilated_timing.h", "verilated_vpi.h")
# Of the model's settings the library sees one, and that only names its recorders
MODEL_SETTING = re.compile(r"-DVM_\w+=.*")


def launcher() -> str:
    """What OBJCACHE must be for make to call this file, with a folder that all tests share."""
    folder = ROOT / "build" / "tests" / "objects"
    return " ".join(map(str, (sys.executable, "-I", "-S", __file__, folder)))


def includes() -> Path:
    """Folder of Verilator's library."""
    return Path(os.environ["VERILATOR_ROOT"]) / "include"


def key(compiling: list[str], text: bytes) -> str:
    """Hash of what a compilation depends on: how it is done, a text, and the library's headers."""
    compiler = Path(shutil.which(compiling[0]) or compiling[0]).resolve()
    digest = hashlib.sha256(f"{compiler} {compiler.stat().st_mtime_ns}".encode())
    digest.update("\0".join(compiling).encode())
    for content in (text, *(path.read_bytes() for path in sorted(includes().glob("*.h")))):
        digest.update(content)
    return digest.hexdigest()[:32]


def once(kept: Path, make: Callable[[Path], int]) -> int:
    """Make a file, by `make(part)`, unless it is kept; return the exit code."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.with_name(f"{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            return 0
        part = kept.with_name(f"{kept.name}.part")
        code = make(part)
        if code == 0:
            part.replace(kept)
        return code


def call(command: list[str]) -> int:
    """Run the compiler; return its exit code."""
    return subprocess.run(command, check=False).returncode


def library_object(folder: Path, compiling: list[str], source: Path, target: Path) -> int:
    """Copy the object of one of the library's files; return the exit code."""
    compiling = [word for word in compiling if not MODEL_SETTING.fullmatch(word)]
    kept = folder / f"{key(compiling, source.read_bytes())}.o"
    code = once(kept, lambda part: call([*compiling, "-c", "-o", str(part), str(source)]))
    if code == 0:
        shutil.copyfile(kept, target)
    return code


def compiled_headers(folder: Path, compiling: list[str]) -> list[str]:
    """Arguments that include the library's headers, compiled for these arguments; none if not."""
    if "-include" in compiling or "-DVM_TRACE=0" not in compiling:
        return []  # few tests record, each in another way
    text = "".join(f'#include "{name}"\n' for name in HEADERS)
    header = folder / f"{key(compiling, text.encode())}.h"

    def write(part: Path) -> int:
        part.write_text(text)
        return 0

    making = [*compiling, "-x", "c++-header", str(header), "-o"]
    compiled = header.with_name(f"{header.name}.gch")  # the compiler takes it for the header
    if once(header, write) or once(compiled, lambda part: call([*making, str(part)])):
        return []
    return ["-include", str(header)]


def main(folder: Path, command: list[str]) -> int:
    """Run the command, or copy the object that it would make; return its exit code."""
    source = Path(command[-1])
    if "-c" not in command or "-o" not in command or source.suffix != ".cpp":
        return call(command)
    at = command.index("-o")
    target = Path(command[at + 1])
    compiling = [word for word in command[:at] + command[at + 2 : -1] if word != "-c"]
    if not any(word.startswith("-O") for word in compiling):
        compiling.append("-O0")  # as without it, but said: those that say it share their headers
    if source.parent == includes():
        return library_object(folder, compiling, source, target)
    compiling += compiled_headers(folder, compiling)
    return call([*compiling, "-c", "-o", str(target), str(source)])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
