"""Reads networks with uniform integer quantisers: QONNX, or ONNX with QuantizeLinear pairs.

The graph is read node by node. Each tensor stands for codes, for the sums of a layer of weights,
or for a constant (`values`); a quantiser after sums closes a layer. The handler of an operation
(`registry`) says what its output stands for. What has no integer form is refused, by the name of
the operation and of the node.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from truncmac.golden import NetworkFileError

from . import (  # noqa: F401 (each registers its operations)
    arithmetic,
    constants,
    functions,
    identities,
    moving,
    outputs,
    pairs,
    pools,
    products,
    quantisers,
    shapes,
)
from .draft import Draft
from .finish import Imported, finish
from .folding import FOLDS, folded
from .functions import FUNCTIONS
from .joins import same_codes
from .layouts import read_turned
from .means import mean_codes
from .normal import normalised
from .options import Options
from .pairs import closed
from .read import Graph, Node, read_onnx
from .registry import HANDLERS
from .sums import end_in_logits
from .tables import settled
from .translating import read_lite
from .values import (
    Activations,
    CodeProduct,
    IntegerImage,
    Joined,
    Levels,
    Mapped,
    Mean,
    Raw,
    Scores,
    Sums,
    Turned,
    Value,
)

__all__ = ["from_graph", "import_onnx", "imported", "read_graph"]

WINDOWS = {"Conv", "ConvTranspose", "MaxPool", "AveragePool"}
# What only moves the integers of a QuantizeLinear, so that it may stand before the DequantizeLinear
MOVING = {
    *("MaxPool", "GlobalMaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose"),
    *("Identity", "Dropout", "Slice", "Resize", "Upsample", "DepthToSpace"),
}
ORDERED = {"MaxPool", "GlobalMaxPool", "Transpose"}  # of these, what looks at the order of reals
# What takes a function of codes, or joined tensors, before a layer is made of them
LAZY = {
    *("QuantizeLinear", "DequantizeLinear", "Quant", "IntQuant", "BipolarQuant"),
    *("Add", "Sub", "Mul", "Div", "Relu", "Clip", "PRelu", "Gelu", "Identity", "Dropout", "Cast"),
    *("Concat", "Shape", "Softmax", "LogSoftmax", "Hardmax", "ArgMax"),
    *FUNCTIONS,
}


def import_onnx(path: Path, options: Options | None = None) -> Imported:
    """Read a network from a QONNX, ONNX or TFLite file.

    Raises
    ------
    NetworkFileError
        If the file is not whole, or has no integer form: names the operation and the node.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    return imported(read_graph(path), path, options)


def read_graph(path: Path) -> Graph:
    """Read an ONNX or TFLite file, of whatever numbers; see `import_onnx`."""
    read = read_lite if path.suffix.lower() == ".tflite" else read_onnx
    return replace(read(path), name=path.stem)  # exporters call theirs main_graph


def imported(graph: Graph, path: Path, options: Options | None = None) -> Imported:
    """The network of a graph that was read from a file; see `import_onnx`."""
    try:
        return from_graph(graph, options or Options())
    except (ValueError, OverflowError) as error:
        raise NetworkFileError(f"{path}: {error}") from None
    except MemoryError:
        raise NetworkFileError(f"{path}: takes more memory than there is") from None


def from_graph(graph: Graph, options: Options) -> Imported:
    """The network of a graph; raises ValueError where it has no integer form."""
    graph = normalised(graph)
    draft = Draft(graph, options)
    with np.errstate(all="ignore"):  # what overflows is refused where it is used
        draft.values[graph.input] = _image(draft, graph)
        for node in graph.nodes:
            draft.values[node.outputs[0]] = _read(draft, node)
        value = _final(draft, graph)
        if isinstance(value, Sums):
            end_in_logits(draft, value)
        elif not isinstance(value, Activations) or not draft.layers:
            raise NetworkFileError(f"The graph's output {graph.output!r} is not made of the image")
        return finish(draft, options)


def _image(draft: Draft, graph: Graph) -> Value:
    """What the graph's input stands for."""
    image = IntegerImage(graph.input_bytes == "int8") if graph.input_bytes else Raw()
    if not graph.channels_last:
        return image
    draft.note("The graph takes images with their channels last, the network with them first.")
    return Turned(image)


def _final(draft: Draft, graph: Graph) -> Value:
    """What the graph's output stands for: sums or codes."""
    value = draft.values[graph.output]
    while isinstance(value, Scores | Turned):
        value = value.logits if isinstance(value, Scores) else value.value
    if isinstance(value, Levels):
        value = closed(draft, graph.output, value)
    if isinstance(value, Mean):
        output = replace(value.source, scale=value.source.scale * value.factor)
        value = Activations(mean_codes(draft, value, output))
    return _settled(draft, value)


def _read(draft: Draft, node: Node) -> Value:
    """What the first output of `node` stands for."""
    if node.op not in HANDLERS and node.op not in FOLDS:
        known = ", ".join(sorted(HANDLERS))
        raise NetworkFileError(f"{node} has no integer form. Known are {known}")
    try:
        constant = folded(draft, node)
        if constant is not None:
            return constant
        if any(isinstance(draft.values.get(name), Turned) for name in node.inputs):
            return read_turned(draft, node, _handled)
        return _handled(draft, node)
    except NetworkFileError as error:
        raise NetworkFileError(f"{node} {error}") from None


def _handled(draft: Draft, node: Node) -> Value:
    """What a node's handler says, of inputs that it knows."""
    if node.op not in HANDLERS:
        raise NetworkFileError("takes something other than constants")
    if draft.length and node.op in WINDOWS:
        node = _of_two_axes(node)
    values = {index: draft.values.get(name) for index, name in enumerate(node.inputs)}
    levels = values.get(0)
    if isinstance(levels, Levels) and node.op in MOVING:
        inner = closed(draft, node.inputs[0], levels)
        found = _handled(draft, draft.instead(node, {0: inner}))
        return replace(levels, value=found, codes=found)
    if any(isinstance(value, Levels) for value in values.values()) and node.op == "Concat":
        return _joined(draft, node, [v for v in values.values() if isinstance(v, Levels)])
    mapped = values.get(0)
    if isinstance(mapped, Mapped) and mapped.stream is None and node.op in MOVING - ORDERED:
        return _moved(draft, node, mapped)
    if node.op not in LAZY:
        settled = {
            index: _settled(draft, value)
            for index, value in values.items()
            if isinstance(value, Mapped | Joined | CodeProduct)
        }
        node = draft.instead(node, settled) if settled else node
    return HANDLERS[node.op](draft, node)


def _moved(draft: Draft, node: Node, mapped: Mapped) -> Value:
    """A function of codes behind what only moves them: the same function of the moved codes."""
    inner = _handled(draft, draft.instead(node, {0: Activations(mapped.source)}))
    same = isinstance(inner, Activations) and inner.stream == mapped.source
    if not isinstance(inner, Activations) or (np.ndim(mapped.reals) > 1 and not same):
        raise NetworkFileError("moves codes whose function differs between channels; put a Quant")
    return Mapped(inner.stream, mapped.reals)


def _joined(draft: Draft, node: Node, levels: list[Levels]) -> Value:
    """A Concat of integers, all of one scale and zero point."""
    first = levels[0]
    same = {(entry.scale, entry.zero, entry.low, entry.high) for entry in levels}
    if len(levels) < len(node.inputs) or len(same) > 1:
        raise NetworkFileError("joins integers of several scales")
    inner = {i: closed(draft, node.inputs[i], entry) for i, entry in enumerate(levels)}
    found = same_codes(draft, Joined(tuple(inner.values())))
    HANDLERS["Concat"](draft, draft.instead(node, inner))
    return replace(first, value=found, codes=found)


def _settled(draft: Draft, value: Value) -> Value:
    """A value as the codes of a layer, if it waits for one."""
    if isinstance(value, CodeProduct):
        raise NetworkFileError("has an input that is a product of codes; put a Quant after it")
    return same_codes(draft, value) if isinstance(value, Joined) else settled(draft, value)


def _of_two_axes(node: Node) -> Node:
    """A node whose windows have one axis, with windows of a height of 1."""
    fills = {"kernel_shape": [1], "strides": [1], "dilations": [1], "output_padding": [0]}
    attributes = dict(node.attributes)
    for key, value in node.attributes.items():
        if key in fills and isinstance(value, list) and len(value) == 1:
            attributes[key] = fills[key] + value
        elif key == "pads" and isinstance(value, list) and len(value) == 2:
            attributes[key] = [0, value[0], 0, value[1]]
    return replace(node, attributes=attributes)
