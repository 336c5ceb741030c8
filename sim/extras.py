"""Optional packages: which extra brings one, and how to install it where it is missing."""

import importlib.metadata
import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

__all__ = ["PACKAGE", "extra_needed", "install_extra", "missing_package"]

PACKAGE = "truncmac"


def install_extra(extra: str) -> str:
    """The command that installs an extra, from the checkout where the package runs from one."""
    python = shlex.quote(sys.executable)  # what "python" is in a shell may be another
    folder = _checkout()
    if folder is None:
        return f"{python} -m pip install '{PACKAGE}[{extra}]'"
    return (
        f"cd {shlex.quote(str(folder))} && {python} -m pip install "
        f"--constraint constraints.txt --editable '.[{extra}]'"
    )


def missing_package(task: str, package: str, extra: str, instead: str = "") -> RuntimeError:
    """The error that names the package that a task needs and the command that installs it.

    Parameters
    ----------
    task : what needs it, in the singular, such as "Drawing a plot"
    package : name of the package
    extra : the extra that brings it
    instead : what can be done without it, if anything, such as "ask for --format csv"
    """
    text = f"{task} needs the package {package}. Install it with: {install_extra(extra)}"
    return RuntimeError(f"{text}, or {instead}" if instead else text)


@contextmanager
def extra_needed(task: str, extra: str, instead: str = "") -> Iterator[None]:
    """Imports of packages that an extra brings: one that is missing is named with its cure.

    Raises
    ------
    RuntimeError
        If a package of others is missing; see `missing_package`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == PACKAGE:
            raise  # a mistake of ours, which no installation mends
        raise missing_package(task, error.name, extra, instead) from error


def _checkout() -> Path | None:
    """Folder of an editable installation; None of any other, and without one."""
    try:
        text = importlib.metadata.distribution(PACKAGE).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    found = json.loads(text or "{}")
    if not found.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(found["url"]).path))
