"""What may follow the logits: Softmax, LogSoftmax, ArgMax."""

from truncmac.golden import NetworkFileError

from .draft import Draft
from .read import Node
from .registry import handles
from .values import Activations, Levels, Mapped, Mean, Scores, Sums, Value

__all__ = ["read_softmax"]


@handles("Softmax", "LogSoftmax", "Hardmax", "ArgMax")
def read_softmax(draft: Draft, node: Node) -> Value:
    """Left out behind the logits: the largest stays the largest."""
    value = draft.value(node, 0)
    if not isinstance(value, Sums | Levels | Activations | Mean | Mapped | Scores):
        raise NetworkFileError("must come last, after the logits")
    if isinstance(value, Sums) and (value.low is not None or value.high is not None or value.floor):
        raise NetworkFileError("must come last, after the logits")
    draft.note(f"{node.op} is left out: the logits put an image into the same class.")
    return value if isinstance(value, Scores) else Scores(value)
