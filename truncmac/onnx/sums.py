"""Sums of layers of weights: from codes, and to codes or logits."""

from dataclasses import replace

import numpy as np

from truncmac.golden import AffineProduct, Conv2d, Flatten, Linear, NetworkFileError, Stream

from .draft import ClosedProduct, Draft
from .streams import hand_on, plain_stream
from .tables import CODES, appended, mapped_of
from .values import Activations, Mean, Raw, Sums, Value

__all__ = ["close", "end_in_logits", "open_sums", "unchanged"]

MOST_CHANNELS = 4096  # of a layer that only adds or requantises codes: its weights are square
MOST_HELPER_WEIGHTS = 1 << 25


def open_sums(draft: Draft, value: Value) -> Sums:
    """`value` as sums that can still be changed; codes become sums through a layer of their own."""
    if isinstance(value, Activations | Mean | Raw):
        return unchanged(draft, value)
    if not isinstance(value, Sums):
        raise NetworkFileError("takes something that is no layer's output")
    if value.floor:
        raise NetworkFileError("comes after a Floor; put a Quant between them")
    return value


def unchanged(draft: Draft, value: Value) -> Sums:
    """The sums of a layer that gives what it gets: 8-bit weights of 1 on the diagonal."""
    factor, mapped = np.ones(1), mapped_of(value)
    if isinstance(value, Activations):
        value, factor = replace(value, factor=np.ones(1)), value.factor
    source = plain_stream(draft, value)
    channels = draft.shapes[source.layer][0]
    if channels > MOST_CHANNELS:
        raise NetworkFileError(f"needs a layer of {channels} x {channels} weights to change codes")
    draft.helper_weights += channels * channels
    if draft.helper_weights > MOST_HELPER_WEIGHTS:
        raise NetworkFileError(
            "needs one more layer that only adds or requantises codes; there are too many"
        )
    codes = np.full((channels, channels), 128, np.uint8)
    np.fill_diagonal(codes, 192)
    name = draft.unique(f"{source.layer}_same")
    flat = len(draft.shapes[source.layer]) == 1
    layer = (Linear if flat else Conv2d)(name, source.layer, bits=8, offset="twos_complement")
    codes = codes if flat else codes[:, :, None, None]
    draft.codes[f"{name}.codes"] = codes
    draft.shapes[name] = draft.shapes[source.layer]
    draft.helpers.add(name)
    product = AffineProduct(
        layer=layer,
        codes=codes,
        source=source,
        unit=np.broadcast_to(factor / 128, (channels,)),
        offset=np.zeros(channels),
    )
    return Sums(product, mapped=mapped)


def close(draft: Draft, sums: Sums, stream: Stream, floor: bool) -> Activations:
    """Let the layer of `sums` give the codes of `stream`, rounded half up or by `floor`."""
    product = _named(draft, sums)
    name = product.layer.name
    _note_helper(draft, name)
    output = replace(stream, layer=name)
    closed = ClosedProduct(product, output, rounding=0.0 if floor else 0.5)
    draft.append(closed, draft.shapes[name])
    output = _clamped(draft, sums, output, floor)
    for layer in sums.after:
        again = replace(layer, name=draft.unique(layer.name), input=output.layer)
        output = hand_on(draft, again, output)
    return Activations(output)


def _clamped(draft: Draft, sums: Sums, stream: Stream, floor: bool) -> Stream:
    """The codes of `stream` within the bounds of `sums`, by a table where the ends will not do."""
    bounds = []
    for bound, end in ((sums.low, 0), (sums.high, stream.largest)):
        if bound is None:
            bounds.append(np.full(1, float(end)))
            continue
        steps = np.clip(bound / stream.scale, -CODES, CODES) + stream.zero
        bounds.append(np.clip(np.floor(steps + (0 if floor else 0.5)), 0, stream.largest))
    low, high = (bound[:1] if (bound == bound[0]).all() else bound for bound in bounds)
    return appended(draft, stream, np.clip(np.arange(CODES), low[:, None], high[:, None]), stream)


def _note_helper(draft: Draft, name: str) -> None:
    if name in draft.helpers:
        draft.note(
            "Adding, scaling or requantising codes takes a layer of weights of its own, 1 x 1."
        )


def end_in_logits(draft: Draft, sums: Sums) -> None:
    """Let the network end in `sums`."""
    if sums.low is not None or sums.high is not None or sums.floor:
        raise NetworkFileError("The graph ends in Relu or Floor; put a Quant after it")
    if any(not isinstance(layer, Flatten) for layer in sums.after):
        raise NetworkFileError("The graph ends in a pool of sums; put a Quant before it")
    product = _named(draft, sums)
    _note_helper(draft, product.layer.name)
    closed = ClosedProduct(product, None, rounding=0.0)
    draft.append(closed, draft.shapes[product.layer.name])


def _named(draft: Draft, sums: Sums) -> AffineProduct:
    """The product of `sums`, under a new name if it was closed before: each output is a layer."""
    product = sums.product
    old = product.layer.name
    closed = (layer for layer in draft.layers if isinstance(layer, ClosedProduct))
    if not any(layer.product.layer.name == old for layer in closed):
        return product
    name = draft.unique(old)
    draft.codes[f"{name}.codes"] = product.codes
    draft.shapes[name] = draft.shapes[old]
    draft.helpers |= {name} if old in draft.helpers else set()
    if old in draft.truncated:
        draft.truncated[name] = draft.truncated[old]
    return replace(product, layer=replace(product.layer, name=name))
