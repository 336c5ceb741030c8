"""Options that name what is written: what cannot be is refused before the work, not after it."""

import errno
import importlib.util
import os
from pathlib import Path

from truncmac.sim.extras import missing_package

__all__ = ["output_file", "output_folder", "picture_file"]

PICTURES = (".svg", ".png", ".pdf", "")  # "" is SVG


def output_folder(path: Path | None) -> Path | None:
    """`path`, where files can be written in such a folder.

    Raises
    ------
    OSError
        If something that is no folder is in the way, or the folder must not be written to.
    """
    if path is not None:
        place = path
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
    return path


def output_file(path: Path | None) -> Path | None:
    """`path`, where such a file can be written.

    Raises
    ------
    OSError
        If it is a folder, or cannot lie in its folder.
    """
    if path is not None:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        output_folder(path.parent)
    return path


def picture_file(path: Path | None) -> Path | None:
    """`path`, where such a picture can be drawn.

    Raises
    ------
    ValueError
        If its ending is none of a picture that is drawn here.
    RuntimeError
        If matplotlib is missing: says how to install it.
    OSError
        As of `output_file`.
    """
    if path is not None:
        if path.suffix not in PICTURES:
            raise ValueError(f"{path}: a picture must end in .svg, .png or .pdf")
        if importlib.util.find_spec("matplotlib") is None:
            raise missing_package("Drawing a plot", "matplotlib", "report")
    return output_file(path)
