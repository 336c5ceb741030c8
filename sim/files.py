"""Writes files so that a reader finds the old one or the new one, never half of it."""

import os
import tempfile
from pathlib import Path

__all__ = ["write_text"]


def write_text(path: Path, text: str, *, keep_unchanged: bool = False) -> None:
    """Write `text` to a temporary name beside `path` and rename it.

    With `keep_unchanged` a file that has this text already keeps its time stamp, so that
    nothing made from it is made again.
    """
    if keep_unchanged and path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise
