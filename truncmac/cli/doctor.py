"""`truncmac doctor`: what is installed, and how to mend what is not."""

from typing import Annotated

import typer

from .options import AsJson, suggested

__all__ = ["doctor"]


def doctor(
    extra: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=suggested(
                "report", "train", "onnx", "runtime", "energy", "explore", "fpga", "dev"
            ),
            help="Extra that is needed too: report, train, onnx, runtime, energy, explore, fpga or "
            "dev; may be given several times.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check Python, packages, simulators and compiler, and say how to install what is missing.

    The exit code is 1 if something is missing that the main commands or an --extra need.
    """
    from truncmac.commands.doctor import doctor

    if not doctor(extra or [], as_json=as_json):
        raise typer.Exit(1)
