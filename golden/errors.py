"""Errors that a user can meet when files are read."""

__all__ = ["NetworkFileError"]


class NetworkFileError(ValueError):
    """A file is not what it should be; the message says what is wrong, where, and what to do."""
