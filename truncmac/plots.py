"""Pictures that commands write: a figure, and its file."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from truncmac.sim.extras import extra_needed

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
    with extra_needed("Drawing a plot", "report"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format that the path's ending says, .svg without one.

    An SVG of the same figure has the same bytes in every run.
    """
    kind, picture = path.suffix[1:] or "svg", io.BytesIO()
    figure.savefig(picture, format=kind, metadata={"Date": None})
    drawn = picture.getvalue()
    write_bytes(path, _numbered(drawn) if kind == "svg" else drawn)


def _numbered(drawn: bytes) -> bytes:
    """An SVG whose parts are numbered: matplotlib's names follow from a coordinate's last bit."""
    names = dict.fromkeys(re.findall(rb'id="(\w*[0-9a-f]{10})"', drawn))
    for number, name in enumerate(names):
        drawn = drawn.replace(name, b"part%d" % number)
    return drawn
