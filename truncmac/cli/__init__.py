"""The command line: `truncmac --help` lists its commands, each in the file of its name."""

import errno
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from truncmac.golden.text import visible
from truncmac.version import __version__

from . import (
    allocate,
    characterise,
    compile_,
    doctor,
    explore,
    export,
    fpga,
    import_,
    infer,
    inspect,
    report,
    rtl,
    sim,
    train,
)
from .guard import guarded

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Neural-network accelerators whose 8-bit weights are truncated at run time: "
    "generate the array, simulate it, and run networks on it.",
)
NEWLINE = "\n"
errors = Console(stderr=True, soft_wrap=True, highlight=False)
WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[1]  # where it is depends on the version


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"truncmac {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


# In the order of `--help`
for command in (
    rtl.rtl,
    sim.sim,
    infer.infer,
    inspect.inspect,
    compile_.compile_,
    export.export,
    import_.import_,
    allocate.allocate,
    report.report,
    train.train,
    characterise.characterise,
    explore.explore,
    fpga.fpga,
    doctor.doctor,
):
    app.command(command.__name__.rstrip("_"))(guarded(command))


def main() -> None:
    """Run the command line; an error the user can mend is one line and exit code 2."""
    try:
        sys.exit(app(prog_name="truncmac", standalone_mode=False) or 0)
    except WRONG_USAGE as error:
        if text := _usage_message(error):  # none where help was printed in its place
            errors.print(
                f"[bold red]truncmac:[/] {escape(visible(text, keep=NEWLINE))}", markup=True
            )
        sys.exit(2)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        errors.print(
            f"[bold red]truncmac:[/] {escape(visible(_message(error), keep=NEWLINE))}", markup=True
        )
        sys.exit(2)


def _usage_message(error: Any) -> str:
    """What the parser of options found wrong, as one line, and where they are explained."""
    text = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    command = error.ctx.command_path if error.ctx else "truncmac"
    return text and f"{text}; see {command} --help"


def _message(error: Exception) -> str:
    """What is wrong, where, and what to do; the system's errors say only the first two."""
    if not isinstance(error, OSError) or error.filename is None or error.strerror is None:
        return str(error)
    cure = {
        errno.ENOENT: f"Check the path; relative ones begin at {Path.cwd()}",
        errno.EACCES: "Change its permissions, or name another place",
        errno.EROFS: "Name a place that can be written to",
        errno.ENOSPC: "Free some space, or name another place",
        errno.EISDIR: "Name a file in it",
        errno.EEXIST: "Name another place",
        errno.ENAMETOOLONG: "Give it a shorter name",
        errno.ENOTDIR: "A part of the path is a file; name another place",
    }.get(error.errno or 0)
    text = f"{error.filename}: {error.strerror.lower()}"
    return text if cure is None else f"{text}. {cure}"
