"""Functions of codes, element by element: what each code stands for, and a table at the end.

The function stays one of reals until something quantises it. So a chain of operations, quantised on
its way or not, becomes one table, if all of it depends on the same codes.
"""

from collections.abc import Callable, Sequence

import numpy as np

from truncmac.golden import Lookup, NetworkFileError, Stream
from truncmac.golden.types import Reals

from .draft import Draft
from .values import Activations, Mapped, Sums, Value

__all__ = ["CODES", "appended", "mapped_of", "of_each", "quantised", "settled"]

CODES = 256


def mapped_of(value: Value) -> Mapped | None:
    """A value as a function of codes; None if it is none."""
    if isinstance(value, Mapped):
        return value
    if isinstance(value, Sums):
        return None if value.floor or value.after else value.mapped
    if not isinstance(value, Activations) or any(value.padding):
        return None
    stream = value.stream
    reals = stream.scale * (np.arange(CODES) - float(stream.zero))
    factor = np.asarray(value.factor, np.float64).reshape(-1, 1)
    return Mapped(stream, reals * (factor[0] if len(factor) == 1 else factor))


def of_each(values: Sequence[Value], function: Callable[..., Reals]) -> Mapped | None:
    """A function of tensors, element by element, that all depend on the same codes; else None."""
    found = [mapped_of(value) for value in values]
    mapped = [value for value in found if value is not None]
    if len(mapped) < len(values) or len({value.source.layer for value in mapped}) > 1:
        return None
    reals = np.asarray(function(*(value.reals for value in mapped)), np.float64)
    if not np.isfinite(reals[..., : mapped[0].source.largest + 1]).all():
        raise NetworkFileError("is not finite for all codes")
    return Mapped(mapped[0].source, np.nan_to_num(reals, posinf=0, neginf=0))


def quantised(mapped: Mapped, stream: Stream, *, floor: bool = False) -> Mapped:
    """A function in whole steps of `stream`; halves are rounded to the even code, as ONNX does."""
    steps = mapped.reals / stream.scale
    codes = np.clip((np.floor if floor else np.rint)(steps) + stream.zero, 0, stream.largest)
    return Mapped(mapped.source, stream.scale * (codes - stream.zero), stream)


def settled(draft: Draft, value: Value) -> Value:
    """A quantised function as the codes of a layer: that of its source, if it changes none."""
    if not isinstance(value, Mapped):
        return value
    stream = value.stream
    if stream is None:
        raise NetworkFileError(
            "has an input that is a function of codes, but not quantised; put a Quant behind it"
        )
    table = np.rint(value.reals / stream.scale + stream.zero)
    return Activations(appended(draft, value.source, table, stream))


def appended(draft: Draft, source: Stream, table: Reals, stream: Stream) -> Stream:
    """The codes of `stream` that a table makes of those of `source`, by a layer if they differ."""
    whole = np.atleast_2d(table).astype(np.uint8)
    whole = whole[:1] if (whole == whole[0]).all() else whole
    used = whole[:, : source.largest + 1]
    if (used == np.arange(source.largest + 1)).all() and stream.bits >= source.bits:
        return Stream(source.layer, source.bits, stream.scale, stream.zero)
    key = source.layer, whole.tobytes()
    if key not in draft.tables:
        layer = Lookup(draft.unique(f"{source.layer}_table"), source.layer, out_bits=stream.bits)
        draft.tensors[f"{layer.name}.table"] = whole[0] if len(whole) == 1 else whole
        draft.append(layer, draft.shapes[source.layer])
        draft.tables[key] = Stream(layer.name, stream.bits)
    known = draft.tables[key]
    return Stream(known.layer, known.bits, stream.scale, stream.zero)
