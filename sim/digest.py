"""Names made of content, for caches and results: equal inputs have equal names."""

import hashlib
import json
from typing import Any

__all__ = ["digest", "json_digest"]


def digest(*parts: str, length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `parts`, in UTF-8.

    A zero byte stands between two parts, so that no two lists of parts run together.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]


def json_digest(content: Any) -> str:
    """Return the digest of plain values, as JSON has them; the order of keys does not matter.

    Raises
    ------
    TypeError
        If JSON has no such value.
    """
    return digest(json.dumps(content, sort_keys=True))
