"""The network file: one safetensors file that holds tensors and a JSON description of layers.

The description is the metadata entry `truncmac`: {"format": "truncmac-network", "version",
"name", "image", "bit_widths", "layers"}. The image has the fields of `ImageSpec`. A layer is {"op",
"name", "input", ...}, with the fields of its class in `golden.network`. Tensors have the names of
`Network.tensors`. All of it is checked when the file is loaded.

A file is of the lowest version that can say what the network is, so that older releases read what
they can. Version 1 has no `coding` of the image: its networks take arrays of codes, a pixel of 8
bits is its code. Version 2 may have one, or null; its linear layers may have `pixels`, its
average pools may requantise, and its layers of weights may say their `rounding`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .description import described, description_of, from_description
from .errors import NetworkFileError
from .files import check_input, read_json, write_bytes
from .network import Network
from .validity import check_names, checked

__all__ = ["load", "open_safetensors", "save"]

KEY = "truncmac"
MOST_BYTES = 1 << 32


def save(network: Network, path: Path) -> None:
    """Write a network to a file, which is whole or as it was before.

    Equal networks give equal bytes.

    Raises
    ------
    NetworkFileError
        If the network is not valid; nothing is written then.
    """
    tensors = {name: np.ascontiguousarray(array) for name, array in network.tensors.items()}
    text = json.dumps(description_of(network), sort_keys=True)
    try:
        from_description(json.loads(text), tensors)
    except ValueError as error:
        raise NetworkFileError(f"{path}: {error}") from None
    write_bytes(Path(path), to_bytes(dict(sorted(tensors.items())), metadata={KEY: text}))


def load(path: Path) -> Network:
    """Read a network from a file, and check all of it.

    Raises
    ------
    NetworkFileError
        If the file, its format or version, a layer or a tensor is wrong: says which.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with open_safetensors(path) as file:
        metadata = file.metadata() or {}
        if KEY not in metadata:
            raise NetworkFileError(
                f"{path}: not a truncmac network: its metadata has no entry {KEY!r}. "
                "Export one with truncmac.golden.save"
            )
        try:
            network = described(read_json(metadata[KEY]))
            names = set(file.keys())
            check_names(network, names)
            tensors = {name: file.get_tensor(name) for name in sorted(names)}
            return checked(replace(network, tensors=tensors))
        except ValueError as error:
            raise NetworkFileError(f"{path}: {error}") from None


@contextmanager
def open_safetensors(path: Path) -> Iterator[Any]:
    """Open a safetensors file of bounded size whose header is whole; no data are read yet."""
    check_input(path)
    if path.is_dir():
        raise NetworkFileError(f"{path}: a folder, not a safetensors file. Name a file in it")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise NetworkFileError(f"{path}: {size} bytes; the most that is read is {MOST_BYTES}")
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except NetworkFileError:
        raise
    except (SafetensorError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise NetworkFileError(
            f"{path}: not a whole safetensors file ({error}). Copy or export it again"
        ) from None
