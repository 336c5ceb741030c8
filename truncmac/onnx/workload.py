"""The workload of an ONNX graph, float or quantised, of any tool: its layers of weights by shape.

Shapes are inferred, and nothing is computed. What multiplies and is no layer of weights is named
with the MACs that it takes. The first and the last layer keep 8 bits, as `truncmac import` does it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from truncmac.golden import WEIGHT_BITS, NetworkFileError
from truncmac.integers import ceil_div
from truncmac.sim.workloads.shapes import LayerShape, LeftOut, Window, Workload

from .inferred import Inferred, Shape, infer
from .twins import DOMAINS
from .weightless import read_weightless

__all__ = ["onnx_workload"]

MOST_MACS = 1 << 53  # of a layer
TWO_ACTIVATIONS = "a product of two activations, without weights to truncate"
UNKNOWN_SHAPE = "its sizes do not follow from those of the inputs"
UNKNOWN = "an operation that is not known here"
OTHERS = {  # operations of ONNX that multiply in ways that are not counted
    "Attention": "attention, a product of two activations",
    "DeformConv": "a deformable convolution",
    "If": "its graphs are not looked into",
    "Loop": "its graphs are not looked into",
    "Scan": "its graphs are not looked into",
}
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}

Found = LayerShape | LeftOut
Attributes = Mapping[str, Any]


def onnx_workload(path: Path, size: int | None = None) -> Workload:
    """The layers of weights of an ONNX graph, and what else multiplies in it.

    Parameters
    ----------
    size : of each dimension of an input that the file leaves open, but for the first, which is 1

    Raises
    ------
    NetworkFileError
        If the file is not whole, a size is open, or it has no layer of weights.
    OSError
        If the file cannot be read.
    """
    model = read_weightless(path)
    try:
        graph = infer(model, size)
        found = [item for node in graph.nodes for item in _of_node(graph, node)]
        layers = _with_edges([item for item in _unique(found) if isinstance(item, LayerShape)])
        left_out = tuple(item for item in found if isinstance(item, LeftOut))
        if not layers:
            raise NetworkFileError(f"has no layer of weights; {_few(left_out)}")
    except UnicodeDecodeError:
        raise NetworkFileError(f"{path}: a name in it is not text") from None
    except NetworkFileError as error:
        raise NetworkFileError(f"{path}: {error}") from None
    return Workload(path.stem, tuple(layers), left_out)


def _few(left_out: tuple[LeftOut, ...]) -> str:
    shown = ", ".join(f"{item.operation} {item.name!r}" for item in left_out[:3])
    return f"left out are {shown}" if shown else "nothing in it multiplies"


def _with_edges(layers: list[LayerShape]) -> list[LayerShape]:
    """The layers, of which the first and the last have 8 bits, and the last gives sums."""
    for place in {0, len(layers) - 1} if layers else ():
        layers[place] = replace(layers[place], bits=WEIGHT_BITS)
    if layers:
        layers[-1] = replace(layers[-1], raw=True)
    return layers


def _unique(found: list[Found]) -> Iterator[Found]:
    """What was found, with a number behind each name that is taken already."""
    taken: set[str] = set()
    for item in found:
        name, number = item.name, 1
        while name in taken:
            number += 1
            name = f"{item.name}#{number}"
        taken.add(name)
        yield replace(item, name=name)


def _of_node(graph: Inferred, node: onnx.NodeProto) -> Iterator[Found]:
    """What a node is: a layer, something left out, or nothing that multiplies."""
    if node.output and node.output[0] in graph.constants:
        return
    name = node.name or (node.output[0] if node.output else node.op_type)
    count = COUNTS.get(node.op_type) if node.domain in DOMAINS else None
    if count is not None:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        shapes = [graph.shapes.get(each) for each in node.input]
        constant = [each in graph.constants for each in node.input]
        try:
            item = count(graph, name, shapes, constant, attributes)
        except (ValueError, IndexError, TypeError, ZeroDivisionError, KeyError):
            item = LeftOut(name, node.op_type, "its sizes do not fit each other", None)
        yield _checked(
            item if item is not None else LeftOut(name, node.op_type, UNKNOWN_SHAPE, None)
        )
    elif node.domain not in DOMAINS:
        yield LeftOut(name, node.op_type, UNKNOWN, None)
    elif node.op_type in OTHERS:
        yield LeftOut(name, node.op_type, OTHERS[node.op_type], None)


def _checked(item: Found) -> Found:
    if item.macs is not None and item.macs > MOST_MACS:
        raise NetworkFileError(
            f"layer {item.name!r} has {item.macs} MACs; at most {MOST_MACS} count"
        )
    return item


def _conv(
    graph: Inferred, name: str, shapes: list[Shape | None], constant: list[bool], own: Attributes
) -> Found | None:
    """A convolution of one, two or three dimensions; each group is a product of its own."""
    image, weights = shapes[:2]
    if image is None or weights is None:
        return None
    outputs, channels, *kernel = weights
    groups, size = int(own.get("group", 1)), list(image[2:])
    dilations = list(own.get("dilations", [1] * len(kernel)))
    strides = list(own.get("strides", [1] * len(kernel)))
    before, after = _pads(own, size, kernel, strides, dilations)
    if len(kernel) == 1:  # a line is an image of one row
        kernel, size, dilations, strides = ([1, *v] for v in (kernel, size, dilations, strides))
        before, after = [0, *before], [0, *after]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    padded = [s + b + a for s, b, a in zip(size, before, after, strict=True)]
    sides = [(p - r) // s + 1 for p, r, s in zip(padded, reach, strides, strict=True)]
    if min(sides) < 1 or image[1] != channels * groups or outputs % groups:
        raise ValueError
    columns = outputs // groups
    plain = LayerShape(name, prod(sides), channels * prod(kernel), columns, groups=groups)
    if not constant[1]:
        return LeftOut(name, "Conv", TWO_ACTIVATIONS, plain.macs)
    if any(d != 1 for d in dilations) or len(kernel) > 2:
        return plain  # its window is not of neighbours in a plane, so its rows are counted alone
    (down, across), (step, side_step) = kernel, strides
    border = (before[0], before[1])
    if before != after:  # the image's size includes its border
        size, border = padded, (0, 0)
    window = Window(channels, size[0], size[1], (down, across), (step, side_step), border)
    return LayerShape.conv2d(name, window, columns, groups=groups)


def _pads(
    own: Attributes, size: list[int], kernel: list[int], strides: list[int], dilations: list[int]
) -> tuple[list[int], list[int]]:
    """The border before and after the image, in each dimension."""
    auto = own.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        totals = [
            max((ceil_div(i, s) - 1) * s + (k - 1) * d + 1 - i, 0)
            for i, k, s, d in zip(size, kernel, strides, dilations, strict=True)
        ]
        less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
        return (less, more) if auto == b"SAME_UPPER" else (more, less)
    pads = (
        list(own.get("pads", [0] * 2 * len(kernel))) if auto == b"NOTSET" else [0] * 2 * len(kernel)
    )
    if len(pads) != 2 * len(kernel) or min(pads) < 0:
        raise ValueError
    return pads[: len(kernel)], pads[len(kernel) :]


def _matmul(
    graph: Inferred, name: str, shapes: list[Shape | None], constant: list[bool], own: Attributes
) -> Found | None:
    """A product of matrices, or of stacks of them, as NumPy's matmul takes them."""
    return _product(graph, name, "MatMul", shapes, constant)


def _gemm(
    graph: Inferred, name: str, shapes: list[Shape | None], constant: list[bool], own: Attributes
) -> Found | None:
    turned = [
        None if shape is None else shape[::-1] if own.get(flag) else shape
        for shape, flag in zip(shapes[:2], ("transA", "transB"), strict=True)
    ]
    return _product(graph, name, "Gemm", turned, constant)


def _product(
    graph: Inferred, name: str, op: str, shapes: list[Shape | None], constant: list[bool]
) -> Found | None:
    left, right = shapes[:2]
    if left is None or right is None:
        return None
    left = left if len(left) > 1 else (1, *left)
    right = right if len(right) > 1 else (*right, 1)
    stacks, (rows, reduction), columns = right[:-2], left[-2:], right[-1]
    if right[-2] != reduction:
        raise ValueError
    if not any(constant[:2]):
        stack = max(prod(left[:-2]), prod(stacks))
        macs = stack * rows * reduction * columns // graph.images
        return LeftOut(name, op, TWO_ACTIVATIONS, macs)
    if constant[1]:  # activations times weights
        groups, images = prod(stacks), prod(left[:-2])
    else:  # weights times activations: the other way round
        groups, images = prod(left[:-2]), prod(stacks)
        rows, columns = columns, rows
    many = max(images // groups, 1) * rows
    if many % graph.images == 0:
        many //= graph.images  # figures are those of one image
    return LayerShape(name, many, reduction, columns, groups=groups)


def _transposed(
    graph: Inferred, name: str, shapes: list[Shape | None], constant: list[bool], own: Attributes
) -> Found | None:
    image, weights = shapes[:2]
    if image is None or weights is None:
        return None
    macs = prod(image[1:]) * prod(weights[1:])
    return LeftOut(name, "ConvTranspose", "a transposed convolution", macs)


def _recurrent(kind: str) -> Callable[..., Found | None]:
    def count(
        graph: Inferred,
        name: str,
        shapes: list[Shape | None],
        constant: list[bool],
        own: Attributes,
    ) -> Found | None:
        given, weights = shapes[:2]
        if given is None or weights is None:
            return None
        directions, rows, inputs = weights
        steps = given[1] if own.get("layout") else given[0]
        macs = steps * directions * rows * (inputs + rows // GATES[kind])
        return LeftOut(
            name, kind, "a recurrence, each step of which waits for the one before", macs
        )

    return count


def _einsum(
    graph: Inferred, name: str, shapes: list[Shape | None], constant: list[bool], own: Attributes
) -> Found | None:
    given, _, _ = own["equation"].decode().replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for letters, shape in zip(given.split(","), shapes, strict=True):
        if shape is None:
            return None
        sizes |= zip(letters, shape, strict=True)
    return LeftOut(name, "Einsum", "a sum of products in a form of its own", prod(sizes.values()))


COUNTS: Mapping[str, Callable[..., Found | None]] = {
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "MatMul": _matmul,
    **{kind: _recurrent(kind) for kind in GATES},
}
