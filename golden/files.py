"""Files: written so that a reader finds the old or the new, never half; JSON read strictly."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["file_name", "read_json", "write_all", "write_bytes"]


def write_bytes(path: Path, content: bytes, *, keep_unchanged: bool = False) -> None:
    """Write `content` to a temporary name beside `path`, then rename it.

    With `keep_unchanged` a file that has this content already keeps its time stamp, so that
    nothing made from it is made again.
    """
    if keep_unchanged and path.is_file() and path.read_bytes() == content:
        return
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files, each whole or as it was before; the old ones stand until all are on the disk.

    So a full disk changes none of them.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            staged.append((Path(name), path))
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for temporary, path in staged:
            temporary.chmod(0o644)
            temporary.replace(path)
    except BaseException:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        raise


def read_json(text: str) -> Any:
    """Value of a JSON text.

    Raises
    ------
    ValueError
        If it is not JSON, names an entry twice, or is nested too deeply.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise ValueError(f"{name!r} is there twice")
            found[name] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def file_name(name: str) -> str:
    """A layer's name as part of a file's name: no separators, nothing that a shell minds."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)
