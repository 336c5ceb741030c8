"""Means over pixels: as a layer of weights takes them, or as codes of their own.

A mean is a sum divided by a count, so a layer of weights behind it is one of all pixels of its
windows, whose weights are repeated. Nothing is rounded there. Elsewhere a mean becomes codes: those
of the graph's own quantiser, or codes of 8 bits.
"""

from dataclasses import replace

import numpy as np

from truncmac.golden import (
    AffineProduct,
    Conv2d,
    Flatten,
    Linear,
    Product,
    Stream,
    mean_pool,
    output_shape,
)

from .draft import Draft
from .values import Mean
from .weights import CLOSE

__all__ = ["mean_codes", "over_windows", "rounded_mean"]

MOST_REPEATED = 1 << 22  # weights of a convolution whose windows are those of a mean


def mean_codes(draft: Draft, mean: Mean, output: Stream, *, floor: bool = False) -> Stream:
    """The means as the codes of `output`, rounded half up or by `floor`."""
    source = mean.source
    scale = source.scale * mean.factor
    same = np.isclose(scale, output.scale, CLOSE, 0) and source.zero == output.zero
    if same and output.bits >= source.bits and not floor:
        return _appended(draft, mean, replace(source, scale=scale))
    pool, exact = mean_pool(
        mean.pool,
        source,
        output,
        mean.count,
        factor=mean.factor,
        rounding=0.0 if floor else 0.5,
    )
    if not exact:
        draft.note("A mean over pixels can differ by one code from that of exact arithmetic.")
    return _appended(draft, replace(mean, pool=pool), output)


def rounded_mean(draft: Draft, mean: Mean) -> Stream:
    """The means as codes of 8 bits with the range of the codes that they are of."""
    source, largest = mean.source, 255
    steps = largest / source.largest
    output = Stream("", 8, source.scale * mean.factor / steps, round(source.zero * steps))
    draft.note("A mean over pixels is rounded to 8 bits where the graph keeps its fraction.")
    return mean_codes(draft, mean, output)


def _appended(draft: Draft, mean: Mean, output: Stream) -> Stream:
    """The stream of a pool's codes; a pool that is there already serves again."""
    pool = mean.pool
    known = draft.pools.get((pool, mean.flat))
    if known is not None:
        return replace(output, layer=known)
    unnamed = (pool, mean.flat)
    if (pool, False) in draft.pools:
        name = draft.pools[pool, False]
    else:
        name = draft.unique(pool.name)
        pool = replace(pool, name=name)
        draft.append(pool, output_shape(pool, draft.shapes[pool.input], draft.codes))
        draft.pools[unnamed[0], False] = name
    if mean.flat:
        flat = Flatten(draft.unique(f"{name}_flat"), name)
        draft.append(flat, output_shape(flat, draft.shapes[name], draft.codes))
        name = flat.name
    draft.pools[unnamed] = name
    return replace(output, layer=name)


def over_windows(draft: Draft, mean: Mean, product: AffineProduct) -> AffineProduct | None:
    """A layer that reads means as one that reads the codes; None if it has no such form.

    `product` is a linear layer, or a convolution of 1 x 1 without padding.
    """
    layer, source = product.layer, mean.source
    shape = draft.shapes[source.layer]
    kernel = mean.pool.kernel or (shape[1], shape[2])
    found: Product
    codes = product.codes
    if isinstance(layer, Linear):
        if kernel != shape[1:] or not mean.flat:
            return None
        flat = Flatten(draft.unique(f"{layer.name}_pixels"), source.layer)
        draft.append(flat, output_shape(flat, shape, draft.codes))
        found = replace(layer, input=flat.name, pixels=mean.count)
        source = replace(source, layer=flat.name)
    elif isinstance(layer, Conv2d) and codes.shape[2:] == (1, 1) and not any(layer.padding):
        if codes.size * mean.count > MOST_REPEATED or layer.stride != (1, 1) or layer.groups > 1:
            return None
        codes = np.ascontiguousarray(np.broadcast_to(codes, (*codes.shape[:2], *kernel)))
        found = replace(layer, input=source.layer, stride=mean.pool.stride or kernel)
    else:
        return None
    draft.note(
        f"Layer {layer.name} takes all pixels of a mean, each with the same weight: nothing is "
        f"rounded, and its K is {mean.count} times as long."
    )
    return replace(
        product,
        layer=found,
        codes=codes,
        source=replace(source, scale=source.scale * mean.factor),
        unit=product.unit / mean.count,
    )
