"""Keeps a command from writing over what it reads, and from waiting for inputs that never come."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from truncmac.golden.files import check_input, check_output, protected

from .outputs import output_file, output_folder, picture_file

__all__ = ["guarded"]

FILES = (output_file, picture_file)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with the files that its arguments and options name protected.

    An option whose callback is one of `outputs`, and any that is called `out`, names an output;
    all others may name inputs.

    Raises
    ------
    ValueError
        If an output is an input too, or an input is a FIFO: before the command begins.
    """
    callbacks = {
        name: _callback(parameter)
        for name, parameter in inspect.signature(command).parameters.items()
    }
    outputs = {
        name
        for name, callback in callbacks.items()
        if name == "out" or callback in (*FILES, output_folder)
    }

    @wraps(command)
    def run(**values: Any) -> None:
        inputs = [
            path for name, value in values.items() if name not in outputs for path in _paths(value)
        ]
        for path in inputs:
            check_input(path)
        with protected([part for path in inputs for part in _files(path)]):
            for path in _written(values, outputs):
                check_output(path)
            command(**values)

    return run


def _callback(parameter: inspect.Parameter) -> object:
    options = getattr(parameter.annotation, "__metadata__", ())
    return next((option.callback for option in options if hasattr(option, "callback")), None)


def _written(values: Mapping[str, Any], outputs: set[str]) -> Iterator[Path]:
    """Outputs that are known to be files, not folders."""
    for name in outputs:
        path = values.get(name)
        if path is not None and not path.is_dir():
            yield path


def _paths(value: object) -> Iterator[Path]:
    """What there is under the names that a value may hold, such as `8,mixed.json`."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _paths(part)
    elif isinstance(value, str | Path):
        for text in {str(value), *str(value).split(",")}:
            try:
                if text and Path(text).exists():
                    yield Path(text)
            except (OSError, ValueError):
                continue  # no name of a file: too long, or with a NUL


def _files(path: Path) -> Iterator[Path]:
    """A file, or those directly in a folder."""
    if path.is_dir():
        yield from (part for part in path.iterdir() if part.is_file())
    else:
        yield path
