"""Operations that leave what a tensor stands for as it is: Identity, Dropout, Cast."""

from onnx import TensorProto

from truncmac.golden import NetworkFileError

from .draft import Draft
from .read import Node
from .registry import handles
from .streams import image_codes
from .values import Constant, IntegerImage, Scores, Value

__all__ = ["read_cast", "read_identity"]

FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)


@handles("Identity", "Dropout")
def read_identity(draft: Draft, node: Node) -> Value:
    """The tensor as it is; a Dropout does nothing in inference."""
    return draft.value(node, 0)


@handles("Cast")
def read_cast(draft: Draft, node: Node) -> Value:
    """To a float type: what a tensor stands for stays the same."""
    value = draft.value(node, 0)
    if isinstance(value, IntegerImage):
        value = image_codes(draft, value)
    if not isinstance(value, Constant | Scores) and node.attributes.get("to") not in FLOATS:
        raise NetworkFileError("must cast to a float type")
    return value
