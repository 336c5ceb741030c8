"""Integer arithmetic that every folder uses; it imports nothing of the project."""

from typing import Any

__all__ = ["ceil_div"]


def ceil_div(dividend: Any, divisor: Any) -> Any:
    """dividend / divisor, rounded up, exact for integers of any size and for integer arrays.

    Parameters
    ----------
    dividend, divisor : integers or integer arrays, broadcast together; the divisor is not 0
    """
    return -(-dividend // divisor)
