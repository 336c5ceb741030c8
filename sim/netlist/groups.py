"""A Liberty file as the nested groups that `libparse` makes of it."""

import contextlib
import hashlib
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from truncmac.golden.files import check_input
from truncmac.sim.extras import extra_needed

__all__ = ["group_arguments", "group_values", "liberty_file"]

PARSE_SECONDS = 60
PARSE_BYTES = 4 << 30
PARSE = "import libparse, sys; libparse.LibertyParser(open(sys.argv[1]))"


def liberty_file(path: Path) -> tuple[Any, str]:
    """Return the top group of a Liberty file, and the file's SHA-256.

    The file is parsed in a process of its own first, because the parser dies of bad files.

    Raises
    ------
    ValueError
        If it is no Liberty file, is truncated, or cannot be read.
    RuntimeError
        If libparse is not installed.
    """
    with extra_needed("Reading a Liberty file", "energy"):
        import libparse

    text = check_input(path).read_text(errors="replace")
    bare = re.sub(r'"[^"]*"|/\*.*?\*/', "", text, flags=re.DOTALL)
    opened, closed = bare.count("{"), bare.count("}")
    if not re.match(r"\s*library\s*\(", re.sub(r"^\s*//.*$", "", bare, flags=re.M)):
        raise ValueError(f"{path}: must be a Liberty file, begin with library (...)")
    if opened != closed:
        raise ValueError(f"{path}: truncated or damaged: {opened} groups open, {closed} close")
    limits = (PARSE_BYTES, PARSE_BYTES)
    command = [sys.executable, "-c", PARSE, str(path)]
    try:
        trial = subprocess.run(
            command,
            capture_output=True,
            timeout=PARSE_SECONDS,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limits),
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{path}: cannot be read as Liberty in {PARSE_SECONDS} s") from None
    if trial.returncode:
        raise ValueError(f"{path}: cannot be read as Liberty; the parser stopped")
    # The parser closes the file itself, which Python then cannot.
    with contextlib.suppress(OSError), path.open() as file:
        group = libparse.LibertyParser(file).ast
    return group, hashlib.sha256(path.read_bytes()).hexdigest()


def group_arguments(group: Any) -> list[str]:
    """Return the arguments of a group: NAME ("a", "b") { ... } has a and b."""
    return [str(arg).strip('" ') for arg in group.args]


def group_values(group: Any) -> dict[str, str]:
    """Return the attributes of a group by name; the values of a complex one joined by commas."""
    values = {}
    for child in group.children:
        text = child.value or ", ".join(group_arguments(child))
        values[child.id] = text.strip('" ')
    return values
