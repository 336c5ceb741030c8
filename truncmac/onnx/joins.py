"""What joins several tensors of codes in one layer: Concat, and products of codes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from truncmac.golden import Concat, NetworkFileError, Scale, Stream, from_affine

from .draft import Draft
from .streams import plain_stream
from .values import Activations, CodeProduct, Joined, Value

__all__ = ["join", "multiplied", "same_codes"]

PRODUCT_BITS = 24  # of the multiplier of a product of codes, which no array has to hold


def join(draft: Draft, parts: Sequence[Value]) -> Value:
    """The channels of codes behind each other; all of them have one scale and zero point."""
    streams = [plain_stream(draft, part) for part in parts]
    first = streams[0]
    if len(streams) == 1:
        return Activations(first)
    layer = Concat(
        draft.unique(f"{first.layer}_joined"),
        first.layer,
        others=tuple(stream.layer for stream in streams[1:]),
    )
    shape = layer.shape([draft.shapes[stream.layer] for stream in streams], {})
    draft.append(layer, shape)
    bits = max(stream.bits for stream in streams)
    return Activations(replace(first, layer=layer.name, bits=bits))


def same_codes(draft: Draft, joined: Joined) -> Value:
    """Joined tensors that nothing quantises: their codes stand for the same reals already."""
    streams = [plain_stream(draft, part) for part in joined.parts]
    if len({(stream.scale, stream.zero) for stream in streams}) > 1:
        raise NetworkFileError("has an input that joins codes of several scales; put a Quant after")
    return join(draft, joined.parts)


def multiplied(draft: Draft, product: CodeProduct, stream: Stream, floor: bool) -> Value:
    """A product of codes as the codes of `stream`."""
    one, other = product.one, product.other
    if one.zero != int(one.zero) or other.zero != int(other.zero):
        raise NetworkFileError("multiplies codes of which none stands for 0")
    params = from_affine(
        one.scale * other.scale * product.factor / stream.scale,
        stream.zero + (-0.5 if floor else 0.0),
        out_bits=stream.bits,
        multiplier_bits=PRODUCT_BITS,
    )
    layer = Scale(
        draft.unique(f"{one.layer}_scaled"),
        one.layer,
        by=other.layer,
        zero=int(one.zero),
        by_zero=int(other.zero),
        out_bits=stream.bits,
    )
    for name in layer.tensor_names:
        draft.tensors[f"{layer.name}.{name}"] = np.asarray(getattr(params, name), np.int64)
    shape = layer.shape([draft.shapes[one.layer], draft.shapes[other.layer]], draft.tensors)
    draft.append(layer, shape)
    return Activations(replace(stream, layer=layer.name))
