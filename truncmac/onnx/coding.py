"""From a value to activation codes: what all kinds of quantisers have in common."""

import numpy as np

from truncmac.golden import ImageRounding, NetworkFileError, Stream

from .draft import Draft
from .streams import plain_stream, quantised_image
from .sums import close, unchanged
from .values import Activations, Mean, Raw, Sums, Value
from .weights import CLOSE

__all__ = ["coded", "note_halves", "unsigned_stream"]


def coded(
    draft: Draft,
    value: Value,
    stream: Stream,
    *,
    rounding: ImageRounding = "half_even",
    signed: bool = False,
) -> Value:
    """`value` as the codes of `stream`.

    Parameters
    ----------
    rounding : how the graph rounds. Layers round half up where it rounds to nearest
    signed : whether the graph's own codes are signed, which only the image keeps
    """
    floor = rounding == "floor"
    if isinstance(value, Raw):
        return quantised_image(draft, value, stream, rounding=rounding, signed=signed)
    if isinstance(value, Mean | Activations):
        source = value.stream if isinstance(value, Mean) else plain_stream(draft, value)
        same = np.isclose(source.scale, stream.scale, CLOSE, 0) and source.zero == stream.zero
        if same and stream.bits >= source.bits:
            return Activations(source)
        if isinstance(value, Mean):
            raise NetworkFileError(
                "must keep scale, zero point and bits of the codes whose mean it quantises"
            )
        value = unchanged(draft, value)
    if not isinstance(value, Sums):
        raise NetworkFileError("quantises something that is neither sums nor codes nor a constant")
    if value.floor and (stream.scale, stream.zero) != (1, 0):
        raise NetworkFileError("must have scale 1 after Floor")
    return close(draft, value, stream, floor or value.floor)


def unsigned_stream(
    value: Value, *, bits: int, scale: float, zero: int, signed: bool, narrow: bool
) -> Stream:
    """The codes of an activation quantiser; signed integers are stored with their zero point."""
    rectified = isinstance(value, Sums) and value.relu
    if rectified and signed and zero == 0:
        signed, narrow, bits = False, False, bits - 1  # its negative half is never used
    if not 1 <= bits <= 8:
        raise NetworkFileError(f"makes activations of {bits} bits; they must have 1 to 8")
    if narrow:
        raise NetworkFileError("makes activations of a narrow range; only weights may have one")
    if signed and bits == 1:
        raise NetworkFileError("makes activations of one bit, -1 and 1; only weights may be")
    zero += (1 << bits - 1) if signed else 0
    if not 0 <= zero < 1 << bits:
        raise NetworkFileError(f"has a zero point that {bits} bits do not hold")
    if rectified and zero:
        raise NetworkFileError("must have the zero point 0 after Relu")
    return Stream("", bits, scale, zero)


def note_halves(draft: Draft, value: Value) -> None:
    """Tell the user that halves are rounded otherwise than in the graph, if they are."""
    if isinstance(value, Sums) and not value.floor:
        draft.note("Halves round up; the graph rounds them to the even code.")
