"""From a value to activation codes: what all kinds of quantisers have in common."""

import math

import numpy as np

from truncmac.golden import ImageRounding, NetworkFileError, Stream

from .draft import Draft
from .joins import join, multiplied
from .means import mean_codes
from .streams import plain_stream, quantised_image
from .sums import close, open_sums, unchanged
from .tables import mapped_of, of_each, quantised
from .values import Activations, CodeProduct, Joined, Mapped, Mean, Raw, Scores, Sums, Value
from .weights import CLOSE

__all__ = ["coded", "note_halves", "unsigned_stream"]


def coded(
    draft: Draft,
    value: Value,
    stream: Stream,
    *,
    rounding: ImageRounding = "half_even",
    signed: bool = False,
    ends: tuple[int, int] | None = None,
) -> Value:
    """`value` as the codes of `stream`.

    Parameters
    ----------
    rounding : how the graph rounds. Layers round half up where it rounds to nearest
    signed : whether the graph's own codes are signed, which only the image keeps
    ends : the least and the largest code; None: the codes have all of their bits
    """
    floor = rounding == "floor"
    if isinstance(value, Raw):
        return quantised_image(draft, value, stream, rounding=rounding, signed=signed)
    if isinstance(value, Scores):
        return value
    if isinstance(value, Joined):
        parts = [_part(draft, part, stream, rounding, ends) for part in value.parts]
        return join(draft, parts)
    if isinstance(value, CodeProduct):
        value = multiplied(draft, value, stream, floor)
    if ends is not None and (ends[0] > 0 or ends[1] < stream.largest):
        value = _limited(draft, value, stream, ends)
    if isinstance(value, Mapped):
        return quantised(value, stream, floor=floor)
    if isinstance(value, Mean):
        return Activations(mean_codes(draft, value, stream, floor=floor))
    if isinstance(value, Activations):
        return _requantised(draft, value, stream, floor)
    if not isinstance(value, Sums):
        raise NetworkFileError("quantises something that is neither sums nor codes nor a constant")
    return _closed(draft, value, stream, floor)


def _requantised(draft: Draft, value: Activations, stream: Stream, floor: bool) -> Value:
    """Codes as other codes, by a layer of their own; as they are where they are the same."""
    source = plain_stream(draft, value)
    same = np.isclose(source.scale, stream.scale, CLOSE, 0) and source.zero == stream.zero
    if same and stream.bits >= source.bits:
        return Activations(source)
    return _closed(draft, unchanged(draft, value), stream, floor)


def _closed(draft: Draft, value: Sums, stream: Stream, floor: bool) -> Value:
    """Sums as codes: by their layer, or by a table where that only passes codes on."""
    if value.floor and (stream.scale, stream.zero) != (1, 0):
        raise NetworkFileError("must have scale 1 after Floor")
    if value.mapped is not None and not value.after and _bounded(value, stream):
        return quantised(value.mapped, stream, floor=floor or value.floor)
    return close(draft, value, stream, floor or value.floor)


def _part(
    draft: Draft,
    part: Value,
    stream: Stream,
    rounding: ImageRounding,
    ends: tuple[int, int] | None,
) -> Value:
    """A part of what is joined; codes that change do so by a table."""
    same = mapped_of(part) if isinstance(part, Activations) else None
    return coded(draft, same or part, stream, rounding=rounding, ends=ends)


def _limited(draft: Draft, value: Value, stream: Stream, ends: tuple[int, int]) -> Value:
    """`value` within the reals that the codes `ends` stand for, and infinite beyond the bits."""
    low, high = (stream.scale * (end - stream.zero) for end in ends)
    low = low if ends[0] > 0 else -math.inf
    high = high if ends[1] < stream.largest else math.inf
    found = of_each([value], lambda reals: np.clip(reals, low, high))
    return found or open_sums(draft, value).clamped(low, high)


def _bounded(sums: Sums, stream: Stream) -> bool:
    """Whether a clamp is to be done that the ends of the codes do not do."""
    low = -stream.zero * stream.scale
    high = (stream.largest - stream.zero) * stream.scale
    below = sums.low is not None and bool((sums.low > low * (1 - CLOSE)).any())
    return below or (sums.high is not None and bool((sums.high < high * (1 - CLOSE)).any()))


def unsigned_stream(
    value: Value, *, bits: int, scale: float, zero: int, signed: bool
) -> tuple[Stream, int]:
    """The codes of an activation quantiser, and the integer that the code 0 stands for.

    Signed integers are stored with their zero point; a negative half that is never used is not.
    """
    if signed and bits == 1:
        raise NetworkFileError("makes signed activations of one bit; use a BipolarQuant")
    rectified = isinstance(value, Sums) and value.rectified
    base = -(1 << bits - 1) if signed else 0
    if rectified and signed and zero == 0 and bits > 1:
        bits, base = bits - 1, 0
    if not 1 <= bits <= 8:
        raise NetworkFileError(f"makes activations of {bits} bits; they must have 1 to 8")
    if not 0 <= zero - base < 1 << bits:
        raise NetworkFileError(f"has a zero point that {bits} bits do not hold")
    return Stream("", bits, scale, zero - base), base


def note_halves(draft: Draft, value: Value) -> None:
    """Tell the user that halves are rounded otherwise than in the graph, if they are."""
    up = draft.options.halves == "half_up"
    if isinstance(value, Mean) or (isinstance(value, Sums) and not value.floor and up):
        draft.note("Halves round up; the graph rounds them to the even code.")
