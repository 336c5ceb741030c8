"""Checks of a node's attributes and numbers; all raise NetworkFileError."""

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Pair

from .read import Node

__all__ = ["MOST_SIZE", "only", "pads_of", "pair_of", "whole_number"]

MOST_SIZE = 1 << 16  # of an image, a window, a stride or a padding, along an axis


def only(node: Node, *known: str) -> None:
    """Refuse attributes that are not `known`: they would change what the node does."""
    extra = sorted(set(node.attributes) - set(known))
    if extra:
        raise NetworkFileError(f"has the attribute {extra[0]!r}, which has no form here")


def pair_of(node: Node, key: str, default: int | None) -> Pair:
    """The attribute `key`, two numbers of at least 1; None as default: it must be there."""
    found = node.attributes.get(key, [default, default])
    valid = isinstance(found, list) and len(found) == 2
    if not valid or not all(isinstance(v, int) and 1 <= v <= MOST_SIZE for v in found):
        raise NetworkFileError(f"must have {key} of two numbers of at least 1, not {found}")
    return found[0], found[1]


def pads_of(node: Node) -> Pair:
    """The padding above and below, and that on the left and right."""
    if node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise NetworkFileError("must have auto_pad = NOTSET; give its pads")
    found = node.attributes.get("pads", [0, 0, 0, 0])
    valid = isinstance(found, list) and len(found) == 4 and found[:2] == found[2:]
    if not valid or not all(isinstance(v, int) and 0 <= v <= MOST_SIZE for v in found):
        raise NetworkFileError(f"must have the same pads on opposite sides, not {found}")
    return found[0], found[1]


def whole_number(value: float, least: int, most: int, what: str) -> int:
    """`value` as an integer in `least`..`most`; `what` names it in the message."""
    if not least <= value <= most or value != int(value):
        raise NetworkFileError(f"must have a {what} in {least}..{most}, not {value:g}")
    return int(value)
