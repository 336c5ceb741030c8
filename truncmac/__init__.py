"""Neural-network accelerators whose 8-bit weights are truncated at run time."""

from .version import __version__

__all__ = ["__version__"]
