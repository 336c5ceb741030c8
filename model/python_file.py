"""Modules from users' own Python files, which are executed."""

import errno
import importlib.util
import os
import sys
from pathlib import Path

from torch import nn

__all__ = ["module_from"]


def module_from(path: Path, name: str) -> nn.Module:
    """The module that a Python file calls `name`; or what that gives, called without arguments.

    The file is executed, with its folder first on Python's path, as `python FILE` does it.

    Raises
    ------
    ValueError
        If there is no such name in it, it is no module, or an error stops the file: names the
        file, and the error's kind.
    OSError
        If there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: is no Python file")
    found = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(found)
        value = getattr(found, name, None)
        if value is None:
            known = [key for key, own in vars(found).items() if _is_model(own)]
            raise ValueError(
                f"{path}: has no {name!r}; modules in it: {', '.join(known) or 'none'}"
            )
        if not isinstance(value, nn.Module) and callable(value):
            value = value()
    except ValueError:
        raise
    except Exception as error:  # whatever the user's own code raises
        raise ValueError(f"{path}: stopped with {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not isinstance(value, nn.Module):
        raise ValueError(f"{path}: {name} must be an nn.Module, not {type(value).__name__}")
    return value.eval()


def _is_model(value: object) -> bool:
    return isinstance(value, nn.Module) or (
        isinstance(value, type) and issubclass(value, nn.Module)
    )
