"""Pictures that commands write: a figure, and its file."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from truncmac.sim.extras import install_extra

from .golden.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["new_figure", "save_figure"]


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in inches.

    Raises
    ------
    RuntimeError
        If matplotlib is missing: says how to install it.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"Plots need the package matplotlib. Install it with: {install_extra('report')}"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that the path's ending says, .svg without one."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:] or "svg")
    write_bytes(path, picture.getvalue())
