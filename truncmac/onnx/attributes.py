"""Checks of a node's attributes and numbers; all raise NetworkFileError."""

from typing import Any

from truncmac.golden import NetworkFileError
from truncmac.golden.layers import sides
from truncmac.golden.types import Padding, Pair

from .read import Node

__all__ = ["MOST_SIZE", "joined", "only", "paddings", "pads_of", "pair_of", "whole_number"]

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


def pads_of(node: Node, size: Pair, reach: Pair, stride: Pair) -> Padding:
    """The padding of a window: the node's pads, or what its auto_pad stands for.

    Parameters
    ----------
    size : height and width of the image
    reach : how far the window reaches, dilation included

    Source: ONNX operators, Conv.
    """
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        return _same(size, reach, stride, lower=auto == "SAME_LOWER")
    if auto not in ("NOTSET", "VALID"):
        raise NetworkFileError(f"has auto_pad = {auto}, which has no form here")
    found = node.attributes.get("pads", [0, 0, 0, 0]) if auto == "NOTSET" else [0, 0, 0, 0]
    return paddings(found)


def paddings(found: Any) -> Padding:
    """The pads of a node, two numbers where opposite sides have the same."""
    valid = isinstance(found, list) and len(found) == 4
    if not valid or not all(isinstance(v, int) and 0 <= v <= MOST_SIZE for v in found):
        raise NetworkFileError(f"must have pads of four numbers of at least 0, not {found}")
    top, left, bottom, right = found
    return (top, left) if (top, left) == (bottom, right) else (top, left, bottom, right)


def joined(one: Padding, other: Padding) -> Padding:
    """The padding that two give one after the other."""
    return paddings([a + b for a, b in zip(sides(one), sides(other), strict=True)])


def _same(size: Pair, reach: Pair, stride: Pair, *, lower: bool) -> Padding:
    """Pads with which there is an output for each step; the odd one is behind, unless `lower`."""
    pairs = []
    for length, window, step in zip(size, reach, stride, strict=True):
        total = max((-(-length // step) - 1) * step + window - length, 0)
        pairs.append(((total + lower) // 2, (total + (not lower)) // 2))
    (top, bottom), (left, right) = pairs
    return paddings([top, left, bottom, right])


def whole_number(value: float, least: int, most: int, what: str) -> int:
    """`value` as an integer in `least`..`most`; `what` names it in the message."""
    if not least <= value <= most or value != int(value):
        raise NetworkFileError(f"must have a {what} in {least}..{most}, not {value:g}")
    return int(value)
