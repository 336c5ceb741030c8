"""Checks of what files say: a message where something is not as it must be."""

from typing import Any

from .errors import NetworkFileError

__all__ = ["expect", "is_whole"]


def expect(holds: bool, message: str) -> None:
    """Raise NetworkFileError with `message` unless the condition holds."""
    if not holds:
        raise NetworkFileError(message)


def is_whole(value: Any, least: int, most: int) -> bool:
    """Whether `value` is an int, and not a bool, in `least`..`most`."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
