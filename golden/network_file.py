"""The network file: one safetensors file that holds tensors and a JSON description of layers.

The description is the metadata entry `truncmac`: {"format": "truncmac-network", "version": 1,
"name", "image", "bit_widths", "layers"}. A layer is {"op", "name", "input", ...}, with the fields
of its class in `golden.network`. Tensors have the names of `Network.tensors`. All of it is checked
when the file is loaded.
"""

import json
import math
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .errors import NetworkFileError
from .files import check_input, read_json, write_bytes
from .network import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Layer,
    Linear,
    MaxPool,
    Network,
    Product,
    Shortcut,
    shapes,
)
from .types import Tensors

__all__ = ["FORMAT", "VERSION", "from_description", "load", "read_layer", "save"]

FORMAT = "truncmac-network"
VERSION = 1
KEY = "truncmac"
MOST_BYTES = 1 << 32
MOST_LAYERS = 1 << 12
MOST_CODES = 1 << 26  # of one image, between any two layers
OPS: Mapping[str, type[Layer]] = {
    "conv2d": Conv2d,
    "linear": Linear,
    "max_pool": MaxPool,
    "avg_pool": AvgPool,
    "shortcut": Shortcut,
    "flatten": Flatten,
}
NAMES = {kind: op for op, kind in OPS.items()}


def save(network: Network, path: Path) -> None:
    """Write a network to a file, which is whole or as it was before.

    Equal networks give equal bytes.

    Raises
    ------
    NetworkFileError
        If the network is not valid; nothing is written then.
    """
    description = {
        "format": FORMAT,
        "version": VERSION,
        "name": network.name,
        "image": asdict(network.image),
        "bit_widths": list(network.bit_widths),
        "layers": [{"op": NAMES[type(layer)], **asdict(layer)} for layer in network.layers],
    }
    tensors = {name: np.ascontiguousarray(array) for name, array in network.tensors.items()}
    text = json.dumps(description, sort_keys=True)
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
            network = _described(read_json(metadata[KEY]))
            names = set(file.keys())
            _check_names(network, names)
            tensors = {name: file.get_tensor(name) for name in sorted(names)}
            return _checked(replace(network, tensors=tensors))
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


def from_description(description: Any, tensors: Tensors) -> Network:
    """The network of a file's description and tensors, all of which is checked.

    Raises
    ------
    ValueError
        If a part is wrong: says which.
    """
    network = replace(_described(description), tensors=tensors)
    _check_names(network, set(tensors))
    return _checked(network)


def _described(description: Any) -> Network:
    """The network that a description describes, without its tensors."""
    _expect(isinstance(description, dict), "the layer description must be a JSON object")
    found = description.get("format")
    _expect(found == FORMAT, f"format must be {FORMAT!r}, not {found!r}")
    version = description.get("version")
    _expect(
        _whole(version, VERSION, VERSION),
        f"format version must be {VERSION}, not {version!r}; "
        "read it with the truncmac release that wrote it, or export it again",
    )
    wanted = {"format", "version", "name", "image", "bit_widths", "layers"}
    _expect(set(description) == wanted, f"the description must have the entries {sorted(wanted)}")
    _expect(isinstance(description["name"], str), "the network's name must be a string")
    _expect(isinstance(description["layers"], list), "layers must be a list")
    count = len(description["layers"])
    _expect(count > 0, "there must be at least one layer")
    _expect(count <= MOST_LAYERS, f"there must be at most {MOST_LAYERS} layers, not {count}")
    network = Network(
        name=description["name"],
        image=_image(description["image"]),
        bit_widths=_bit_widths(description["bit_widths"]),
        layers=tuple(read_layer(entry) for entry in description["layers"]),
        tensors={},
    )
    _check_graph(network)
    return network


def _checked(network: Network) -> Network:
    """The network, if its tensors are what its layers need; raises ValueError if not."""
    _check_tensors(network)
    for name, shape in shapes(network).items():
        _expect(
            math.prod(shape) <= MOST_CODES,
            f"{name!r} has {math.prod(shape)} codes; the most for an image is {MOST_CODES}",
        )
    _check_ranges(network)
    _expect(bool(network.products), "layers must hold one of weights, conv2d or linear")
    return network


def _image(entry: Any) -> ImageSpec:
    names = {field.name for field in fields(ImageSpec)}
    _expect(isinstance(entry, dict) and set(entry) == names, f"image must have {sorted(names)}")
    for name, value in entry.items():
        _expect(_whole(value, 1, 1 << 16), f"image {name} must be in 1..65536, not {value!r}")
    _expect(entry["bits"] <= 8, f"image bits must be in 1..8, not {entry['bits']}")
    return ImageSpec(**entry)


def _bit_widths(entry: Any) -> tuple[int, ...]:
    valid = isinstance(entry, list) and len(entry) > 0 and all(_whole(k, 1, 8) for k in entry)
    _expect(valid and len(set(entry)) == len(entry), "bit_widths must be different k in 1..8")
    return tuple(entry)


def read_layer(entry: Any) -> Layer:
    """The layer that an entry of a description describes.

    Raises
    ------
    ValueError
        If it describes none: names the entry.
    """
    _expect(isinstance(entry, dict), "each layer must be a JSON object")
    op = entry.get("op")
    known = ", ".join(OPS)
    _expect(isinstance(op, str) and op in OPS, f"layer op must be one of {known}, not {op!r}")
    kind = OPS[op]
    values = {key: value for key, value in entry.items() if key != "op"}
    label = f"layer {values.get('name')!r}"
    allowed = {field.name for field in fields(kind)}
    extra = sorted(set(values) - allowed)
    _expect(not extra, f"{label} has unknown entries {extra}")
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    missing = sorted(needed - set(values))
    _expect(not missing, f"{label} lacks the entries {missing}")
    open_fields = {field.name for field in fields(kind) if field.default is None}
    for key, value in values.items():
        if value is not None or key not in open_fields:
            values[key] = _field(label, key, value)
    return kind(**values)


def _field(label: str, key: str, value: Any) -> Any:
    """One entry of a layer that is not left open, checked."""
    if key in ("name", "input", "residual"):
        _expect(isinstance(value, str) and value != "", f"{label}: {key} must be a name")
    elif key in ("bits", "out_bits"):
        _expect(_whole(value, 1, 8), f"{label}: {key} must be in 1..8, not {value!r}")
    elif key == "channels":
        _expect(_whole(value, 1, 1 << 16), f"{label}: channels must be in 1..65536, not {value!r}")
    elif key == "offset":
        kinds = ("bipolar", "twos_complement")
        _expect(value in kinds, f"{label}: offset must be one of {kinds}, not {value!r}")
    elif key == "pad_code":
        _expect(_whole(value, 0, 255), f"{label}: pad_code must be in 0..255, not {value!r}")
    elif key in ("stride", "kernel", "padding"):
        least = 0 if key == "padding" else 1
        pair = isinstance(value, list) and len(value) == 2
        valid = pair and all(_whole(v, least, 1 << 16) for v in value)
        _expect(valid, f"{label}: {key} must be two numbers of at least {least}, not {value!r}")
        return tuple(value)
    return value


def _check_graph(network: Network) -> None:
    """Check that layers read only what runs before them, so that there are no cycles."""
    seen: dict[str, Layer | None] = {IMAGE: None}
    for layer in network.layers:
        _expect(layer.name not in seen, f"layer {layer.name!r} is named twice")
        sources = [layer.input]
        if isinstance(layer, Product) and layer.residual is not None:
            sources.append(layer.residual)
        for source in sources:
            _expect(
                source in seen, f"layer {layer.name!r} reads {source!r}, which is no earlier layer"
            )
            before = seen[source]
            _expect(
                not (isinstance(before, Product) and before.out_bits is None),
                f"layer {layer.name!r} reads {source!r}, which gives logits, not codes",
            )
        seen[layer.name] = layer


def _parameters(layer: Product) -> list[str]:
    names = ["multiplier", "bias"]
    names += ["shift"] if layer.out_bits is not None else []
    return names + (["residual_multiplier"] if layer.residual is not None else [])


def _check_names(network: Network, names: Set[str]) -> None:
    """Check that each tensor that a layer needs is there, and no other."""
    wanted, known = [], set()
    for layer in network.products:
        wanted.append(f"{layer.name}.codes")
        for bits in network.bit_widths:
            wanted += [f"{layer.name}.b{bits}.{name}" for name in _parameters(layer)]
            known.add(f"{layer.name}.b{bits}.exact")
    for name in wanted:
        _expect(name in names, f"tensor {name!r} is missing")
    extra = sorted(names - known - set(wanted))
    _expect(not extra, f"tensors {extra[:3]} belong to no layer")


def _check_tensors(network: Network) -> None:
    """Check that each tensor has its type and shape."""
    for layer in network.products:
        codes = network.tensors[f"{layer.name}.codes"]
        rank = 4 if isinstance(layer, Conv2d) else 2
        _expect(
            codes.dtype == np.uint8 and codes.ndim == rank and codes.size > 0,
            f"tensor '{layer.name}.codes' must be uint8 with {rank} dimensions, "
            f"not {codes.dtype} with shape {codes.shape}",
        )
        for bits in network.bit_widths:
            _check_certificate(network.tensors, f"{layer.name}.b{bits}.exact", len(codes))
            for name in _parameters(layer):
                key = f"{layer.name}.b{bits}.{name}"
                array = network.tensors[key]
                _expect(
                    array.dtype == np.int64 and array.shape == (len(codes),),
                    f"tensor {key!r} must be int64 with shape ({len(codes)},), "
                    f"not {array.dtype} with shape {array.shape}",
                )


def _check_certificate(tensors: Tensors, key: str, size: int) -> None:
    array = tensors.get(key)
    if array is not None:
        valid = array.dtype == np.uint8 and array.shape == (size,) and {0, 1} >= {*array.tolist()}
        _expect(valid, f"tensor {key!r} must be uint8 with shape ({size},), each 0 or 1")


def _check_ranges(network: Network) -> None:
    """Check that no requantisation can overflow 64 bits, whatever the codes are."""
    for layer in network.products:
        largest = network.reduction(layer) * 256 * 255
        for bits in network.bit_widths:
            prefix = f"{layer.name}.b{bits}"
            arrays = {
                name: network.tensors[f"{prefix}.{name}"].tolist() for name in _parameters(layer)
            }
            shifts = arrays.get("shift", [0])
            _expect(
                min(shifts) >= 0 and max(shifts) <= 63,
                f"tensor '{prefix}.shift' must be in 0..63, not {min(shifts)}..{max(shifts)}",
            )
            bound = max(map(abs, arrays["multiplier"])) * largest + max(map(abs, arrays["bias"]))
            bound += max(map(abs, arrays.get("residual_multiplier", [0]))) * 255
            _expect(bound < 1 << 63, f"layer {layer.name!r} can overflow 64 bits at k = {bits}")


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _expect(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
