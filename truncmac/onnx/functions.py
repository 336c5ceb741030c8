"""Functions of one tensor, element by element: Relu, Clip, Floor, Round."""

from dataclasses import replace

import numpy as np

from truncmac.golden import NetworkFileError

from .attributes import only
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import source_of
from .sums import open_sums
from .values import Activations, Constant, ConstantLevels, Levels, Mean, Raw, Value, scalar
from .weights import CLOSE

__all__ = ["read_clip", "read_floor", "read_relu", "read_round"]


@handles("Relu")
def read_relu(draft: Draft, node: Node) -> Value:
    """The quantiser behind a layer clamps at 0; codes whose zero point is 0 stay as they are."""
    value = draft.value(node, 0)
    if isinstance(value, Activations | Mean) and source_of(draft, value).zero == 0:
        return value
    return replace(open_sums(draft, value), relu=True)


@handles("Clip")
def read_clip(draft: Draft, node: Node) -> Value:
    """Fewer levels than the 8 bits of a QuantizeLinear have."""
    only(node)
    value = draft.value(node, 0)
    low, high = (scalar(draft.constant(node, i), "bound") for i in (1, 2))
    if isinstance(value, Levels):
        inside = value.low <= low <= high <= value.high
        if not inside or low != int(low) or high != int(high):
            raise NetworkFileError("must keep whole levels of its QuantizeLinear")
        return replace(value, low=int(low), high=int(high))
    if isinstance(value, ConstantLevels):
        return replace(value, array=np.clip(value.array, low, high))
    if isinstance(value, Constant):
        return Constant(np.clip(value.array, low, high).astype(value.array.dtype))
    raise NetworkFileError("limits a tensor that is not quantised; use a Relu and a Quant")


@handles("Floor")
def read_floor(draft: Draft, node: Node) -> Value:
    """The quantiser behind it rounds down."""
    return replace(open_sums(draft, draft.value(node, 0)), floor=True)


@handles("Round")
def read_round(draft: Draft, node: Node) -> Value:
    """A sum of codes, a mean times its count, is whole already; of an image codes are rounded."""
    value = draft.value(node, 0)
    if isinstance(value, Raw):
        return replace(value, rounded=True)
    if isinstance(value, Mean) and value.stream.zero == 0:
        step = value.stream.scale / value.count
        if step > 0.5 and np.isclose(step, np.rint(step), CLOSE, 0):
            return value
    raise NetworkFileError("rounds something other than a whole sum of codes; use a Quant")
