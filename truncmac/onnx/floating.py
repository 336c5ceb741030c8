"""Float graphs of ONNX files without quantisers, which are calibrated on images."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden import IMAGE, NetworkFileError
from truncmac.golden.types import Array
from truncmac.model.floats import FloatGraph, FloatGraphError, Step

from .read import Graph, Node

__all__ = ["float_steps", "is_float"]

QUANTISED = ("Quant", "Trunc", "Integer", "QLinear", "QGemm", "MultiThreshold")  # in their names


def is_float(graph: Graph) -> bool:
    """Whether no operation of a graph quantises, or multiplies integers."""
    return not any(part in node.op for node in graph.nodes for part in QUANTISED)


def float_steps(graph: Graph, path: Path) -> tuple[FloatGraph, tuple[int, int, int]] | None:
    """The steps of a float network, and channels, height and width of its images.

    None if the graph is quantised. `path` is the file that it was read from.

    Raises
    ------
    NetworkFileError
        If an operation has no integer form: names it and its node.
    """
    if not is_float(graph):
        return None
    try:
        shape = graph.input_shape[1:]
        sizes = [size for size in shape if size is not None and 0 < size <= 1 << 16]
        if len(graph.input_shape) != 4 or len(sizes) != 3:
            raise NetworkFileError(
                f"input {graph.input!r} must be images (batch, channels, height, width) of fixed "
                f"size, not {graph.input_shape}"
            )
        reader = _Reader(graph)
        return FloatGraph(path.stem, reader.steps()), (sizes[0], sizes[1], sizes[2])
    except (NetworkFileError, FloatGraphError) as error:
        raise NetworkFileError(f"{path}: {error}") from None


class _Reader:
    """Goes through a graph's nodes.

    Attributes
    ----------
    ranks : dimensions of each value that is no constant, 4 or 2
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants: dict[str, Array] = dict(graph.constants)
        self.names = {graph.input: IMAGE}
        self.ranks = {graph.input: 4}
        self._steps: list[Step] = []

    def steps(self) -> tuple[Step, ...]:
        taken: set[str] = {IMAGE}
        for node in self.graph.nodes:
            if self._folds(node):
                continue
            read = READERS.get(node.op)
            if read is None:
                known = ", ".join(sorted(READERS))
                raise NetworkFileError(f"{node} has no integer form. Known are {known}")
            try:
                found = read(self, node)
            except FloatGraphError as error:
                raise NetworkFileError(f"{node}: {error}") from None
            name = node.name
            while name in taken:
                name += "_"
            taken.add(name)
            self._steps.append(Step(name, found[0], tuple(found[1]), found[2], found[3]))
            self.names[node.outputs[0]] = name
            self.ranks[node.outputs[0]] = found[4]
        if self.names.get(self.graph.output) != (self._steps[-1].name if self._steps else None):
            raise NetworkFileError(f"the output {self.graph.output!r} is not that of the last node")
        return tuple(self._steps)

    def _folds(self, node: Node) -> bool:
        """Whether a node gives a constant, which is noted."""
        if node.op == "Constant":
            value = node.attributes.get("value", node.attributes.get("value_ints"))
            if value is None:
                value = node.attributes.get("value_float", node.attributes.get("value_int"))
            self.constants[node.outputs[0]] = np.asarray(value)
            return True
        if node.op in ("Identity", "Transpose") and node.inputs[0] in self.constants:
            value = self.constants[node.inputs[0]]
            if node.op == "Transpose":
                axes = node.attributes.get("perm", list(range(value.ndim))[::-1])
                if sorted(axes) != list(range(value.ndim)):
                    raise NetworkFileError(f"{node}: must exchange the axes of its input")
                value = value.transpose(axes)
            self.constants[node.outputs[0]] = value
            return True
        return False

    def value(self, node: Node, place: int = 0) -> str:
        """The step that gives an input of a node."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        if name not in self.names:
            raise FloatGraphError(f"its input {name!r} is not made of the image")
        return self.names[name]

    def rank(self, node: Node) -> int:
        return self.ranks[node.inputs[0]]

    def constant(self, node: Node, place: int) -> Array | None:
        """A constant input; None if it is not there."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        if name and name not in self.constants:
            raise FloatGraphError(f"its input {name!r} must be a constant")
        return self.constants[name] if name else None


Made = tuple[str, Sequence[str], Mapping[str, Array], Mapping[str, Any], int]


def _some(**tensors: Array | None) -> dict[str, Array]:
    return {name: value for name, value in tensors.items() if value is not None}


def _conv(reader: _Reader, node: Node) -> Made:
    weight = reader.constant(node, 1)
    if weight is None or weight.ndim != 4 or reader.rank(node) != 4:
        raise FloatGraphError("only a convolution of images has an integer form")
    sizes = {
        "stride": _sizes(node, "strides", 1),
        "padding": _padding(node),
        "dilation": _sizes(node, "dilations", 1),
        "groups": int(node.attributes.get("group", 1)),
    }
    tensors = _some(weight=weight, bias=_vector(reader.constant(node, 2), len(weight)))
    return "conv", [reader.value(node)], tensors, sizes, 4


def _sizes(node: Node, name: str, default: int) -> tuple[int, int]:
    values = node.attributes.get(name, [default, default])
    if len(values) != 2 or not all(1 <= value <= 1 << 16 for value in values):
        raise FloatGraphError(f"{name} must be two sizes, not {values}")
    return (int(values[0]), int(values[1]))


def _padding(node: Node) -> tuple[int, int]:
    auto = node.attributes.get("auto_pad", "NOTSET")
    pads = node.attributes.get("pads", [0, 0, 0, 0]) if auto == "NOTSET" else [0, 0, 0, 0]
    if auto not in ("NOTSET", "VALID") or len(pads) != 4 or pads[:2] != pads[2:]:
        raise FloatGraphError(f"pads alike on opposite sides, not {pads} (auto_pad {auto})")
    if not all(0 <= pad <= 1 << 16 for pad in pads):
        raise FloatGraphError(f"pads must be at least 0, not {pads}")
    return (int(pads[0]), int(pads[1]))


def _vector(value: Array | None, length: int) -> Array | None:
    if value is not None and value.size != length:
        raise FloatGraphError(f"must have a bias for each of {length} outputs, not {value.size}")
    return None if value is None else value.reshape(-1)


def _gemm(reader: _Reader, node: Node) -> Made:
    own = node.attributes
    weight = reader.constant(node, 1)
    if weight is None or weight.ndim != 2 or own.get("transA", 0):
        raise FloatGraphError("only a vector times a matrix of weights has an integer form")
    weight = weight if own.get("transB", 0) else weight.T
    weight = weight * np.float32(own.get("alpha", 1.0))
    bias = _vector(reader.constant(node, 2), len(weight))
    bias = None if bias is None else bias * np.float32(own.get("beta", 1.0))
    return "linear", [reader.value(node)], _some(weight=weight, bias=bias), {}, 2


def _matmul(reader: _Reader, node: Node) -> Made:
    weight = reader.constant(node, 1)
    if weight is None or weight.ndim != 2 or reader.rank(node) != 2:
        raise FloatGraphError("only a vector times a matrix of weights has an integer form")
    return "linear", [reader.value(node)], {"weight": weight.T}, {}, 2


def _norm(reader: _Reader, node: Node) -> Made:
    names = ("weight", "bias", "mean", "variance")
    tensors = _some(**{name: reader.constant(node, place) for place, name in enumerate(names, 1)})
    if len(tensors) != 4 or len({tensor.shape for tensor in tensors.values()}) != 1:
        raise FloatGraphError("must have scale, bias, mean and variance of one size")
    rank = reader.rank(node)
    sizes = {"epsilon": float(node.attributes.get("epsilon", 1e-5)), "image": rank == 4}
    return "norm", [reader.value(node)], tensors, sizes, rank


def _add(reader: _Reader, node: Node) -> Made:
    """Two values; or a bias, which goes into the linear layer before."""
    given = [name for name in node.inputs if name in reader.constants]
    if not given:
        return "add", [reader.value(node), reader.value(node, 1)], {}, {}, reader.rank(node)
    place = 1 if node.inputs[1] in reader.constants else 0
    source = reader.value(node, 1 - place)
    last = reader._steps[-1] if reader._steps else None
    if last is None or last.name != source or last.op != "linear" or "bias" in last.tensors:
        raise FloatGraphError("adds a constant to something other than a product of a vector")
    bias = _vector(reader.constants[node.inputs[place]], len(last.tensors["weight"]))
    reader._steps[-1] = Step(last.name, "linear", last.inputs, {**last.tensors, **_some(bias=bias)})
    return "identity", [source], {}, {}, 2


def _relu(reader: _Reader, node: Node) -> Made:
    return "relu", [reader.value(node)], {}, {"limit": None}, reader.rank(node)


def _clip(reader: _Reader, node: Node) -> Made:
    low, high = (
        node.attributes.get(name) if len(node.inputs) == 1 else reader.constant(node, place)
        for place, name in ((1, "min"), (2, "max"))
    )
    limits = [None if bound is None else float(np.reshape(bound, -1)[0]) for bound in (low, high)]
    if limits[0] != 0 or limits[1] not in (None, 1, 6):
        raise FloatGraphError(f"clamps to {limits[0]} to {limits[1]}; codes hold 0 to 1 or 0 to 6")
    return "relu", [reader.value(node)], {}, {"limit": limits[1]}, reader.rank(node)


def _max_pool(reader: _Reader, node: Node) -> Made:
    own = node.attributes
    kernel = _sizes(node, "kernel_shape", 0)
    if _sizes(node, "dilations", 1) != (1, 1) or own.get("ceil_mode", 0):
        raise FloatGraphError("a pool with dilation or ceil_mode")
    sizes = {"kernel": kernel, "stride": _sizes(node, "strides", 1), "padding": _padding(node)}
    return "max_pool", [reader.value(node)], {}, sizes, 4


def _mean(reader: _Reader, node: Node) -> Made:
    axes = node.attributes.get("axes")
    if node.op == "ReduceMean" and axes is None:
        given = reader.constant(node, 1)
        axes = [] if given is None else np.reshape(given, -1).tolist()
    keeps = node.op != "ReduceMean" or node.attributes.get("keepdims", 1)
    if node.op == "ReduceMean" and sorted(int(axis) % 4 for axis in axes or []) != [2, 3]:
        raise FloatGraphError("a mean over something other than height and width")
    if not keeps:
        inner = Step(f"{node.name}.mean", "mean", (reader.value(node),))
        reader._steps.append(inner)
        return "flatten", [inner.name], {}, {}, 2
    return "mean", [reader.value(node)], {}, {}, 4


def _flatten(reader: _Reader, node: Node) -> Made:
    if node.op == "Flatten" and node.attributes.get("axis", 1) != 1:
        raise FloatGraphError("must have axis = 1")
    if node.op == "Reshape":
        target = reader.constant(node, 1)
        if target is None or target.size != 2:
            raise FloatGraphError("reshapes to something other than one vector for each image")
    if node.op == "Squeeze":
        axes = node.attributes.get("axes")
        given = reader.constant(node, 1) if axes is None else np.asarray(axes)
        if given is None or sorted(int(axis) % 4 for axis in np.reshape(given, -1)) != [2, 3]:
            raise FloatGraphError("must take height and width away")
    if reader.rank(node) == 2:
        return "identity", [reader.value(node)], {}, {}, 2
    return "flatten", [reader.value(node)], {}, {}, 2


def _identity(reader: _Reader, node: Node) -> Made:
    return "identity", [reader.value(node)], {}, {}, reader.rank(node)


def _softmax(reader: _Reader, node: Node) -> Made:
    return "softmax", [reader.value(node)], {}, {}, reader.rank(node)


READERS: Mapping[str, Callable[[_Reader, Node], Made]] = {
    "Add": _add,
    "BatchNormalization": _norm,
    "Clip": _clip,
    "Conv": _conv,
    "Dropout": _identity,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _mean,
    "Identity": _identity,
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "ReduceMean": _mean,
    "Relu": _relu,
    "Reshape": _flatten,
    "Softmax": _softmax,
    "Squeeze": _flatten,
}
