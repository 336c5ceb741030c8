"""What `--json` tells of the files that a command wrote."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["file_sizes"]


def file_sizes(files: Mapping[Path, bytes]) -> list[dict[str, object]]:
    """Path and size in bytes of each file."""
    return [{"path": str(path), "bytes": len(data)} for path, data in files.items()]
