"""Names made of content, for caches: equal inputs have equal names."""

import hashlib

__all__ = ["digest"]


def digest(*parts: str, length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `parts`, in UTF-8.

    A zero byte stands between two parts, so that no two lists of parts run together.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:length]
