"""Folders and programs under names that make, the shell and cocotb's runner take as they are."""

import hashlib
import os
import re
import shlex
import stat
import sys
import tempfile
from pathlib import Path

import cocotb_tools.config

from truncmac.sim.tools import simulator_environment

__all__ = ["check_installation", "launcher", "plain_folder"]

PLAIN = re.compile(r"[A-Za-z0-9_./+,@%^=~-]*")  # make splits at blanks, and obeys "#" and "$"
HERE = Path(__file__).parent


def plain_folder(folder: Path) -> Path:
    """The folder itself, if its path is plain, else one of this user's for temporary files.

    Parameters
    ----------
    folder : an absolute path; two paths never share a folder

    Raises
    ------
    RuntimeError
        If the folder for temporary files is not plain either, or is not this user's alone.
    """
    if PLAIN.fullmatch(str(folder)):
        return folder
    root = Path(tempfile.gettempdir()).resolve()
    if not PLAIN.fullmatch(str(root)):
        raise RuntimeError(
            f"A simulator cannot be built in {str(folder)!r}, nor in {str(root)!r}: both paths "
            "hold a character that make does not take. Set TMPDIR to another folder"
        )
    mine = root / f"truncmac-{os.getuid()}"
    mine.mkdir(mode=0o700, exist_ok=True)
    about = mine.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o022:
        raise RuntimeError(f"{mine}: must be a folder that you alone can write to. Remove it")
    return mine / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def check_installation(simulator: str) -> None:
    """Raise unless the places where Verilator and cocotb are installed are plain.

    Raises
    ------
    RuntimeError
        Names the place; Icarus needs none of them.
    """
    if simulator != "verilator":
        return
    environment = simulator_environment(simulator)
    for place in (HERE, cocotb_tools.config.libs_dir, environment.get("VERILATOR_ROOT", "")):
        if not PLAIN.fullmatch(str(place)):
            raise RuntimeError(
                f"Verilator cannot build with what is installed in {str(place)!r}: make does not "
                "take that path. Install truncmac in a folder without blanks, '#' and '$', or "
                "use --simulator icarus"
            )


def launcher(folder: Path, patience_s: float) -> Path:
    """A program, in `folder`, that runs its arguments under the watchdog of this package."""
    path = folder / "watched"
    words = [sys.executable, "-I", "-S", str(HERE / "watchdog.py"), str(patience_s)]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
    return path
