"""What may follow the logits: Softmax, LogSoftmax."""

from truncmac.golden import NetworkFileError

from .draft import Draft
from .read import Node
from .registry import handles
from .values import Sums, Value

__all__ = ["read_softmax"]


@handles("Softmax", "LogSoftmax")
def read_softmax(draft: Draft, node: Node) -> Value:
    """Left out behind the logits: the largest stays the largest."""
    value = draft.value(node, 0)
    if node.outputs[0] != draft.output or not isinstance(value, Sums):
        raise NetworkFileError("must be the last node, after the logits")
    draft.note(f"{node.op} is left out: the logits put an image into the same class.")
    return value
