"""Writes files so that a reader finds the old one or the new one, never half of it."""

import os
import tempfile
from pathlib import Path

__all__ = ["write_bytes"]


def write_bytes(path: Path, content: bytes, *, keep_unchanged: bool = False) -> None:
    """Write `content` to a temporary name beside `path`, then rename it.

    With `keep_unchanged` a file that has this content already keeps its time stamp, so that
    nothing made from it is made again.
    """
    if keep_unchanged and path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
