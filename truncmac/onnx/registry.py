"""Which function reads which ONNX operation: `@handles("Conv")` stands above the one for Conv."""

from collections.abc import Callable

from .draft import Draft
from .read import Node
from .values import Value

__all__ = ["HANDLERS", "Handler", "handles"]

Handler = Callable[[Draft, Node], Value]

HANDLERS: dict[str, Handler] = {}  # by operation, as ONNX or QONNX names it


def handles(*operations: str) -> Callable[[Handler], Handler]:
    """Register the function below as the one that reads nodes of these operations.

    A handler takes the network so far and a node of the graph, and returns what the node's first
    output stands for. Where a node has no integer form, it raises NetworkFileError with a message
    that goes on after the node's name: "must have axis = 1".

    Raises
    ------
    ValueError
        If an operation has a handler already.
    """

    def register(handler: Handler) -> Handler:
        for operation in operations:
            if operation in HANDLERS:
                raise ValueError(f"Operation {operation!r} must have one handler, not two")
            HANDLERS[operation] = handler
        return handler

    return register
