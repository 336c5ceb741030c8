"""Constants within the graph: Constant."""

import numpy as np

from truncmac.golden import NetworkFileError

from .draft import Draft
from .read import Node
from .registry import handles
from .values import Constant, Value

__all__ = ["read_constant"]


@handles("Constant")
def read_constant(draft: Draft, node: Node) -> Value:
    """The numbers in one of the node's attributes."""
    keys = {"value", "value_float", "value_int", "value_floats", "value_ints"}
    found = [value for key, value in node.attributes.items() if key in keys]
    if len(found) != 1:
        raise NetworkFileError("must have one value of numbers")
    return Constant(np.asarray(found[0]))
