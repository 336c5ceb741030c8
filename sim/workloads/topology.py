"""Reads SCALE-Sim topology files, whose lines are layers: convolutions or matrix products.

The first line is a header, whose words SCALE-Sim skips. Here it tells the two forms apart if it has
their words; if not, the first layer does, by its numbers. A comma may end each line:

    Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter,
    Strides[, stride of the width][, Sparsity]
    Layer, M, N, K[, Sparsity]

There is no padding: the input's size includes it. Windows that overhang the input's far edge
count, as in SCALE-Sim: the outputs are ceil((input - filter + stride) / stride). A convolution
with `DP` in its name is depthwise: a product for each channel. A sparsity N:M is read and has no
effect, because the array skips no zeros. Source: SCALE-Sim 3.0.0, whose layers these are.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from truncmac.golden.files import check_input
from truncmac.integers import ceil_div

from .shapes import LayerShape, Window, Workload

__all__ = ["TopologyError", "load_topology"]

MOST_BYTES = 1 << 20
LARGEST = (1 << 31) - 1
MOST_MACS = 1 << 53  # of a layer
CONV: tuple[str, ...] = (
    *("IFMAP height", "IFMAP width", "filter height", "filter width"),
    *("channels", "num filter", "strides"),
)
GEMM: tuple[str, ...] = ("M", "N", "K")
WHOLE = re.compile(r"[0-9]{1,10}")
SPARSITY = re.compile(r"[0-9]{1,4}:[0-9]{1,4}")


class TopologyError(ValueError):
    """A topology file is wrong; the message says where, what is wrong, and what it must be."""


def load_topology(path: Path) -> Workload:
    """Read a topology file of either form; the workload has the file's name.

    Raises
    ------
    TopologyError
        Names the file, the line, and what is wrong with it.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    lines = _lines(path)
    number, header = next(lines, (1, []))
    if not _is_header(header):
        raise TopologyError(
            f"{path}, line {number}: the first line must be the header of a SCALE-Sim topology, "
            '"Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, '
            'Num Filter, Strides," or "Layer, M, N, K," or any other words'
        )
    layers: list[LayerShape] = []
    for number, fields in lines:
        try:
            if not layers:
                names, make = FORMS[_is_product(header, fields)]
            layers.append(_checked(make(fields[0], _sizes(names, fields))))
        except ValueError as error:
            raise TopologyError(f"{path}, line {number}: {error}") from None
    if not layers:
        raise TopologyError(f"{path}: must have at least one layer after the header")
    return Workload(path.stem, tuple(_unique(layers)))


def _is_header(fields: Sequence[str]) -> bool:
    """Whether a line is of words: no layer, and no products in another order of M, N and K."""
    titles = [field.lower() for field in fields[1:4]]
    if sorted(titles) == ["k", "m", "n"] and titles != ["m", "n", "k"]:
        return False
    return bool(fields) and not any(map(WHOLE.fullmatch, fields[1:]))


def _is_product(header: Sequence[str], fields: Sequence[str]) -> bool:
    """Whether the layers are products: by the header's words, or the numbers of the first layer."""
    titles = [title.lower() for title in header[1:]]
    if titles[:3] == ["m", "n", "k"]:
        return True
    if len(titles) >= len(CONV) and "height" in titles[0]:
        return False
    return len([field for field in fields[1:] if not SPARSITY.fullmatch(field)]) <= len(GEMM)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line that is not empty, without empty fields at its end."""
    if check_input(path).stat().st_size > MOST_BYTES:
        raise TopologyError(f"{path}: must have at most {MOST_BYTES} bytes")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in reader:
            fields = [field.strip() for field in row]
            while fields and not fields[-1]:
                fields.pop()
            if fields:
                yield reader.line_num, fields
    except (UnicodeDecodeError, csv.Error) as error:
        raise TopologyError(f"{path}: must be a text of comma-separated values ({error})") from None


def _sizes(names: Sequence[str], fields: Sequence[str]) -> dict[str, int]:
    """The numbers of a line, by their names."""
    if not fields[0]:
        raise ValueError("the layer must have a name")
    values = fields[1 : 1 + len(names)]
    if len(values) < len(names):
        raise ValueError(
            f"a line must have a name and {len(names)} numbers ({', '.join(names)}), "
            f"not {len(values)} numbers"
        )
    extras = fields[1 + len(names) :]
    if names is CONV and extras and WHOLE.fullmatch(extras[0]):
        values, names, extras = (
            fields[1 : 2 + len(names)],
            (*names, "stride of the width"),
            extras[1:],
        )
    if len(extras) > 1 or not all(SPARSITY.fullmatch(extra) for extra in extras):
        raise ValueError(f"only a sparsity such as 2:4 may follow {names[-1]}, not {extras}")
    return {name: _whole(name, value) for name, value in zip(names, values, strict=True)}


def _whole(name: str, value: str) -> int:
    if not WHOLE.fullmatch(value) or not 1 <= int(value) <= LARGEST:
        raise ValueError(f"{name} must be a whole number in 1..{LARGEST}, not {value!r}")
    return int(value)


def _checked(layer: LayerShape) -> LayerShape:
    if layer.macs > MOST_MACS:
        raise ValueError(f"the layer must have at most {MOST_MACS} MACs, not {layer.macs}")
    return layer


def _product(name: str, sizes: dict[str, int]) -> LayerShape:
    return LayerShape(name, sizes["M"], sizes["K"], sizes["N"])


def _convolution(name: str, sizes: dict[str, int]) -> LayerShape:
    height, width, down, across, channels, filters, *strides = sizes.values()
    image, kernel, stride = (height, width), (down, across), (strides[0], strides[-1])
    for what, size, most in zip(("height", "width"), kernel, image, strict=True):
        if size > most:
            raise ValueError(f"filter {what} must be at most the IFMAP's {most}, not {size}")
    # The input, grown by what the last windows overhang
    height, width = (
        ceil_div(side - size, step) * step + size
        for side, size, step in zip(image, kernel, stride, strict=True)
    )
    depthwise = "DP" in name
    window = Window(1 if depthwise else channels, height, width, kernel, stride)
    return LayerShape.conv2d(name, window, filters, groups=channels if depthwise else 1)


def _unique(layers: Sequence[LayerShape]) -> Iterator[LayerShape]:
    """The layers, with a number after each name that another layer has already."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for layer in layers:
        name = layer.name
        while name in taken:
            counts[layer.name] = counts.get(layer.name, 1) + 1
            name = f"{layer.name}#{counts[layer.name]}"
        taken.add(name)
        yield replace(layer, name=name)


FORMS = {False: (CONV, _convolution), True: (GEMM, _product)}
