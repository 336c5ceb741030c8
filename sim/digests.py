"""Names of contents: two contents have the same name only if they are equal."""

import hashlib
import json
from typing import Any

__all__ = ["digest_of", "json_digest"]

DIGITS = 16


def digest_of(content: str | bytes, digits: int = DIGITS) -> str:
    """The first hexadecimal digits of the SHA-256 of a content; a text is taken as UTF-8."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()[:digits]


def json_digest(content: Any, digits: int = DIGITS) -> str:
    """The name of plain values, as JSON has them; the order of a dictionary's keys is no matter.

    Raises
    ------
    TypeError
        If JSON has no such value.
    """
    return digest_of(json.dumps(content, sort_keys=True), digits)
