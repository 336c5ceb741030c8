"""Networks as a folder of .npy arrays and a `network.json`, for weights from anywhere.

docs/howto/import.md describes the format. Everything is checked. Only plain files in the folder
are read, and nothing in them is unpickled.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .affine import AffineProduct, Stream, code_parameters, logit_parameters
from .checks import expect, is_whole
from .dataset import NUMPY_ERRORS
from .description import FORMAT, VERSION, from_description, read_layer
from .errors import NetworkFileError
from .network import IMAGE, AvgPool, Layer, Network, Product
from .types import Array, Codes, Reals, Tensors

__all__ = ["ARRAYS_FORMAT", "load_arrays"]

ARRAYS_FORMAT = "truncmac-arrays"
DESCRIPTION = "network.json"
MOST_BYTES = 1 << 28
MOST_TEXT = 1 << 22
MOST_CHANNELS = 1 << 16
# Entries of a layer of weights that a network file does not have
OURS = ("weights", "weight_bits", "codes", "scale", "bias", "residual_scale", "input_zero")
PARAMETERS = ("multiplier", "bias", "shift", "residual_multiplier")


def load_arrays(folder: Path) -> Network:
    """Read a network from a folder.

    Raises
    ------
    NetworkFileError
        If a file, a layer or an entry is wrong: names it.
    OSError
        If a file cannot be read.
    """
    path = Path(folder) / DESCRIPTION
    try:
        description = _description(path)
        layers = [dict(entry) for entry in _list(description.get("layers"))]
        ours = [{key: entry.pop(key) for key in _ours(entry) if key in entry} for entry in layers]
        whole = description | {"format": FORMAT, "layers": layers}
        tensors: dict[str, Array] = {}
        bits = {IMAGE: _image_bits(description)}
        widths = _widths(description)
        for entry, extra in zip(layers, ours, strict=True):
            layer = read_layer(entry, description["version"])
            if isinstance(layer, Product):
                tensors |= _Product(Path(folder), layer, extra, bits, widths).tensors()
            elif extra:
                raise NetworkFileError(f"layer {layer.name!r} takes no {sorted(extra)[0]!r}")
            bits[layer.name] = _out_bits(layer, bits)
        return from_description(whole, tensors)
    except RecursionError:
        raise NetworkFileError(f"{path}: is nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise NetworkFileError(f"{path}: {error}") from None


def _description(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NetworkFileError(
            f"there must be a file {DESCRIPTION}; docs/howto/import.md says what is in it"
        )
    size = path.stat().st_size
    expect(size <= MOST_TEXT, f"has {size} bytes; the most that is read is {MOST_TEXT}")
    description = json.loads(path.read_bytes(), object_pairs_hook=_once)
    expect(isinstance(description, dict), "must be a JSON object")
    found = description.get("format")
    expect(found == ARRAYS_FORMAT, f"format must be {ARRAYS_FORMAT!r}, not {found!r}")
    version = description.get("version")
    expect(
        is_whole(version, 1, VERSION), f"format version must be in 1..{VERSION}, not {version!r}"
    )
    return dict(description)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The JSON object of these entries, if no key is there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise NetworkFileError(f"the entry {twice!r} is there twice")
    return found


def _ours(entry: Mapping[str, Any]) -> list[str]:
    """The entries of a layer that a network file does not have; a pool has a bias there too."""
    kept = ("bias",) if entry.get("op") == "avg_pool" else ()
    return [key for key in (*OURS, "parameters") if key not in kept]


def _list(entry: Any) -> list[dict[str, Any]]:
    valid = isinstance(entry, list) and all(isinstance(layer, dict) for layer in entry)
    expect(valid, "layers must be a list of JSON objects")
    return list(entry)


def _image_bits(description: Mapping[str, Any]) -> int:
    image = description.get("image")
    bits = image.get("bits") if isinstance(image, dict) else None
    expect(is_whole(bits, 1, 8), "image must have bits in 1..8")
    return int(bits)  # type: ignore[arg-type]


def _widths(description: Mapping[str, Any]) -> list[int]:
    widths = description.get("bit_widths")
    valid = isinstance(widths, list) and 0 < len(widths) <= 8
    expect(valid and all(is_whole(k, 1, 8) for k in widths), "bit_widths must be k in 1..8")  # type: ignore[union-attr]
    return list(widths)  # type: ignore[arg-type]


def _out_bits(layer: Layer, bits: Mapping[str, int]) -> int:
    if isinstance(layer, Product):
        return layer.out_bits or 8
    if isinstance(layer, AvgPool) and layer.out_bits is not None:
        return layer.out_bits
    return _known(layer, layer.input, bits)


def _known(layer: Layer, source: str, bits: Mapping[str, int]) -> int:
    expect(source in bits, f"layer {layer.name!r} reads {source!r}, which is no earlier layer")
    return bits[source]


class _Product:
    """A layer of weights: reads its arrays, and makes its tensors of them."""

    def __init__(
        self,
        folder: Path,
        layer: Product,
        entries: Mapping[str, Any],
        bits: Mapping[str, int],
        widths: list[int],
    ) -> None:
        self.folder, self.layer, self.entries, self.widths = folder, layer, entries, widths
        self.label = f"layer {layer.name!r}"
        self.source_bits = _known(layer, layer.input, bits)
        self.residual_bits = _known(layer, layer.residual, bits) if layer.residual else 0
        self.codes, self.width = self._codes()
        self.channels = len(self.codes)

    def tensors(self) -> Tensors:
        """The layer's codes, and its parameters at each k."""
        if "parameters" not in self.entries:
            return self._of_reals()
        extra = {"scale", "bias", "residual_scale", "input_zero"} & set(self.entries)
        expect(not extra, f"{self.label} has parameters, and so must not have {sorted(extra)}")
        found: dict[str, Array] = {f"{self.layer.name}.codes": self.codes}
        given = self.entries["parameters"]
        expect(isinstance(given, dict), f"{self.label}: parameters must be an object by k")
        for k, files in given.items():
            valid = isinstance(files, dict) and set(files) <= set(PARAMETERS)
            expect(valid, f"{self.label}: parameters must have {list(PARAMETERS)} at each k")
            for name, file in files.items():
                array = self._array(file, name)
                expect(array.dtype.kind in "iu", f"{self.label}: {name} must be integers")
                found[f"{self.layer.name}.b{k}.{name}"] = array.astype(np.int64)
        return found

    def _of_reals(self) -> Tensors:
        zero = self.entries.get("input_zero", 0)
        expect(is_whole(zero, 0, 255), f"{self.label}: input_zero must be in 0..255, not {zero!r}")
        source = Stream(self.layer.input, self.source_bits, zero=zero)
        tensors: dict[str, Array] = {}
        half = 0.5 if "weights" in self.entries else 1.0  # W = 2w
        by_k = isinstance(self.entries.get("scale"), dict)
        for k in self.widths:
            residual = extra = None
            if self.layer.residual is not None:
                residual = Stream(self.layer.residual, self.residual_bits)
                extra = self._reals("residual_scale", k, 1.0)
            product = AffineProduct(
                layer=self.layer,
                codes=self.codes,
                source=source,
                unit=self._reals("scale", k) * half,
                offset=self._reals("bias", k, 0.0),
                width=(self.layer.bits or k) if by_k else self.width,
                residual=residual,
                residual_scale=extra,
            )
            if self.layer.out_bits is None:
                tensors |= logit_parameters(product, [k])
            else:
                output = Stream(self.layer.name, self.layer.out_bits)
                tensors |= code_parameters(product, output, [k])
        return tensors

    def _codes(self) -> tuple[Codes, int]:
        """The 8-bit codes, and how many bits the weights had that they are made of."""
        given = {"weights", "codes"} & set(self.entries)
        expect(len(given) == 1, f"{self.label} must have either weights or codes")
        if "codes" in given:
            expect("weight_bits" not in self.entries, f"{self.label}: codes have 8 bits")
            codes = self._array(self.entries["codes"], "codes")
            expect(codes.dtype == np.uint8, f"{self.label}: codes must be uint8, not {codes.dtype}")
            self._check_size(codes)
            return codes.astype(np.uint8, copy=False), 8
        bits = self.entries.get("weight_bits", 8)
        expect(is_whole(bits, 1, 8), f"{self.label}: weight_bits must be in 1..8, not {bits!r}")
        weights = self._array(self.entries["weights"], "weights")
        expect(weights.dtype.kind in "iu", f"{self.label}: weights must be integers")
        self._check_size(weights)
        low, high = int(weights.min()), int(weights.max())
        most = 1 << bits - 1
        expect(
            -most <= low <= high < most,
            f"{self.label}: weights of {bits} bits must be in {-most}..{most - 1}, "
            f"not {low}..{high}",
        )
        expect(
            self.layer.offset == "twos_complement",
            f"{self.label}: signed weights need offset 'twos_complement'",
        )
        return ((weights.astype(np.int64) + most) << (8 - bits)).astype(np.uint8), bits

    def _check_size(self, array: Array) -> None:
        valid = array.ndim in (2, 4) and array.size > 0 and len(array) <= MOST_CHANNELS
        expect(valid, f"{self.label}: weights must be (O, I) or (O, I, KH, KW), not {array.shape}")

    def _reals(self, key: str, k: int, default: float | None = None) -> Reals:
        """One number for each channel at `k`.

        The entry is a number, the name of a file, or an object that has one of these for each k.
        """
        entry = self.entries.get(key, default)
        if isinstance(entry, dict):
            expect(str(k) in entry, f"{self.label}: {key} lacks k = {k}")
            entry = entry[str(k)]
        expect(entry is not None, f"{self.label} must have a scale, or parameters")
        if isinstance(entry, str):
            array = self._array(entry, key)
            expect(array.dtype.kind in "iuf", f"{self.label}: {key} must be numbers")
        else:
            number = isinstance(entry, int | float) and not isinstance(entry, bool)
            expect(number, f"{self.label}: {key} must be a number or the name of a .npy file")
            array = np.array([entry])
        values = array.astype(np.float64)
        fits = values.shape in ((1,), (self.channels,))
        expect(fits, f"{self.label}: {key} must have shape ({self.channels},), not {values.shape}")
        expect(bool(np.isfinite(values).all()), f"{self.label}: {key} must be finite")
        return np.broadcast_to(values, (self.channels,))

    def _array(self, name: Any, what: str) -> Array:
        """An array in the folder, which is read only if its file is as long as its shape says."""
        plain = isinstance(name, str) and re.fullmatch(r"[\w-][\w.-]{0,200}\.npy", name)
        expect(bool(plain), f"{self.label}: {what} must be the name of a .npy file, not {name!r}")
        path = self.folder / str(name)
        expect(path.is_file() and not path.is_symlink(), f"{self.label}: {name} is no file here")
        size = path.stat().st_size
        expect(size <= MOST_BYTES, f"{name} has {size} bytes; the most is {MOST_BYTES}")
        try:
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
            expect(isinstance(mapped, np.ndarray), f"{name}: no .npy file")
            return np.array(mapped)
        except (*NUMPY_ERRORS, OverflowError) as error:
            raise NetworkFileError(f"{name}: not a whole .npy array of numbers ({error})") from None
