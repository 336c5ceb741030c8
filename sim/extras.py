"""How to install an extra of the package, where it is installed."""

import importlib.metadata
import json
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

__all__ = ["PACKAGE", "install_extra"]

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
