"""What `truncmac doctor` checks: Python, packages, simulators, compiler, and their versions."""

import importlib.metadata
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rich.table import Table
from rich.text import Text

from truncmac.sim.extras import PACKAGE, install_extra
from truncmac.sim.tools import INSTALL, simulator_environment
from truncmac.terminal import Terminal, new_table

__all__ = ["Check", "checks", "doctor", "extras"]

LONGEST = 60  # seconds that a program may take to answer
COROUTINES = "#include <coroutine>\nstd::suspend_never f() { return {}; }\n"  # what Verilator emits
PROGRAMS = {  # name: (for what, arguments that print its version, whether all need it)
    "verilator_bin": ("simulation", None, True),
    "g++": ("simulation", ["--version"], True),
    "make": ("simulation", ["--version"], True),
    "perl": ("simulation", ["-v"], True),
    "iverilog": ("simulation on Icarus", ["-V"], False),
    "gcc": ("characterise", ["--version"], False),
    "gtkwave": ("looking at waveforms", ["--version"], False),
}
console = Terminal()


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Attributes
    ----------
    group : what it is for
    name : the package or program
    wanted : versions that will do; empty if any will
    found : version that is there; "yes" if it tells none, None if nothing is there
    ok : it is there, in a version that will do
    needed : without it the exit code is 1
    mend : command that mends it, None if it is in order
    """

    group: str
    name: str
    wanted: str
    found: str | None
    ok: bool
    needed: bool
    mend: str | None


def doctor(wanted: Sequence[str], *, as_json: bool) -> bool:
    """Print the checks; True if all that is needed is in order.

    Parameters
    ----------
    wanted : extras that are needed too

    Raises
    ------
    ValueError
        If one of them is no extra of the package.
    """
    known = extras()
    for extra in wanted:
        if extra not in known:
            raise ValueError(f"--extra must be one of {', '.join(known)}, not {extra!r}")
    found = list(checks(wanted))
    good = all(check.ok for check in found if check.needed)
    if as_json:
        print(json.dumps({"ok": good, "checks": [asdict(check) for check in found]}, indent=2))
        return good
    console.print(_table(found))
    for text in dict.fromkeys(check.mend for check in found if check.needed and check.mend):
        console.print(Text.assemble(("Needed:", "bold red"), " ", text), soft_wrap=True)
    for text in dict.fromkeys(check.mend for check in found if not check.needed and check.mend):
        console.print(Text.assemble(("If you want it:", "dim"), " ", text), soft_wrap=True)
    console.print("All that is needed is there." if good else "Something needed is missing.")
    return good


def _table(found: Sequence[Check]) -> Table:
    columns = ("for", "what", "found", "wanted", "")
    table = new_table(columns, words=columns)
    group = ""
    for check in found:
        if group and check.group != group:
            table.add_section()
        state = "ok" if check.ok else "missing" if check.found is None else "wrong version"
        colour = "green" if check.ok else "red" if check.needed else "yellow"
        table.add_row(
            "" if check.group == group else check.group,
            check.name,
            check.found or "",
            check.wanted,
            Text(state, colour),
        )
        group = check.group
    return table


def extras() -> list[str]:
    """Names of the package's extras."""
    return importlib.metadata.metadata(PACKAGE).get_all("Provides-Extra") or []


def checks(wanted: Sequence[str] = ()) -> Iterator[Check]:
    """Look for Python, programs, and the packages of each extra except the developers'."""
    metadata = importlib.metadata.metadata(PACKAGE)
    yield _python(SpecifierSet(metadata["Requires-Python"]))
    for requirement in _requirements(""):
        yield _package("all commands", requirement, None, needed=True)
    yield from map(_program, PROGRAMS)
    for extra in extras():
        if extra != "dev" or extra in wanted:
            for requirement in _requirements(extra):
                yield _package(f"extra {extra}", requirement, extra, needed=extra in wanted)


def _python(wanted: SpecifierSet) -> Check:
    version = platform.python_version()
    good = version in wanted
    mend = None if good else f"install Python {wanted} and make the environment anew with it"
    return Check("all commands", "python", str(wanted), version, good, True, mend)


def _requirements(extra: str) -> list[Requirement]:
    """Requirements of an extra, those of extras in it included; of the package alone for ""."""
    found = []
    for text in importlib.metadata.requires(PACKAGE) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if extra:
            belongs = marker is not None and marker.evaluate({"extra": extra})
        else:
            belongs = marker is None or marker.evaluate({"extra": ""})
        if belongs:
            if requirement.name == PACKAGE:
                for other in sorted(requirement.extras):
                    found += _requirements(other)
            else:
                found.append(requirement)
    return found


def _package(group: str, requirement: Requirement, extra: str | None, *, needed: bool) -> Check:
    wanted = requirement.specifier
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        version = None
    good = version is not None and wanted.contains(version, prereleases=True)
    if extra is None:
        install = f"{shlex.quote(sys.executable)} -m pip install '{requirement.name}{wanted}'"
    else:
        install = install_extra(extra)
    mend = None if good else install
    return Check(group, requirement.name, str(wanted), version, good, needed, mend)


def _program(name: str) -> Check:
    group, question, needed = PROGRAMS[name]
    path = simulator_environment("verilator")["PATH"]
    found = shutil.which(name, path=path)
    version = None if found is None else _version(found, question)
    good = found is not None and (name != "g++" or _compiles(found))
    wanted = "C++20 with coroutines" if name == "g++" else ""
    install = INSTALL.get(name, f"sudo apt-get install {name}")
    if found is not None and not good:
        install = "sudo apt-get install g++ (version 11 or later)"
    return Check(group, name, wanted, version, good, needed, None if good else install)


def _version(program: str, question: list[str] | None) -> str:
    """First version number that a program prints; "yes" if it prints none."""
    if question is None:
        return "yes"
    try:
        answer = subprocess.run(
            [program, *question], capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "yes"
    number = re.search(r"\d+\.\d+(\.\d+)?", answer.stdout + answer.stderr)
    return number.group() if number else "yes"


def _compiles(compiler: str) -> bool:
    """Whether a compiler takes what Verilator emits."""
    flags = ["-std=c++20", "-fcoroutines", "-fsyntax-only", "-x", "c++", "-"]
    try:
        result = subprocess.run(
            [compiler, *flags],
            input=COROUTINES,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
