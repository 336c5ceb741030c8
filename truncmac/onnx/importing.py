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
    outputs,
    pairs,
    pools,
    products,
    quantisers,
    shapes,
)
from .draft import Draft
from .finish import Imported, finish
from .options import Options
from .read import Graph, Node, read_onnx
from .registry import HANDLERS
from .streams import image_codes
from .sums import end_in_logits
from .values import Activations, Mean, Raw, Sums, Value

__all__ = ["from_graph", "import_onnx"]


def import_onnx(path: Path, options: Options | None = None) -> Imported:
    """Read a network from a QONNX or ONNX file.

    Raises
    ------
    NetworkFileError
        If the file is not whole, or has no integer form: names the operation and the node.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    graph = replace(read_onnx(path), name=path.stem)  # exporters call theirs main_graph
    try:
        return from_graph(graph, options or Options())
    except (ValueError, OverflowError) as error:
        raise NetworkFileError(f"{path}: {error}") from None
    except MemoryError:
        raise NetworkFileError(f"{path}: takes more memory than there is") from None


def from_graph(graph: Graph, options: Options) -> Imported:
    """The network of a graph; raises ValueError where it has no integer form."""
    draft = Draft(graph, options)
    with np.errstate(all="ignore"):  # what overflows is refused where it is used
        draft.values[graph.input] = image_codes(draft) if graph.input_is_code else Raw()
        for node in graph.nodes:
            draft.values[node.outputs[0]] = _read(draft, node)
        value = draft.values[graph.output]
        if isinstance(value, Sums):
            end_in_logits(draft, value)
        elif not isinstance(value, Activations | Mean) or not draft.layers:
            raise NetworkFileError(f"The graph's output {graph.output!r} is not made of the image")
        return finish(draft, options)


def _read(draft: Draft, node: Node) -> Value:
    """What the first output of `node` stands for."""
    if node.op not in HANDLERS:
        known = ", ".join(sorted(HANDLERS))
        raise NetworkFileError(f"{node} has no integer form. Known are {known}")
    try:
        return HANDLERS[node.op](draft, node)
    except NetworkFileError as error:
        raise NetworkFileError(f"{node} {error}") from None
