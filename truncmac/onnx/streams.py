"""Streams of activation codes: from the graph's input, and from layer to layer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from truncmac.golden import (
    IMAGE,
    CodeLayer,
    Flatten,
    ImageCoding,
    ImageRounding,
    Layer,
    NetworkFileError,
    Stream,
    output_shape,
    pixel_table,
)
from truncmac.golden.description import LARGEST
from truncmac.golden.types import Reals

from .draft import Draft
from .means import rounded_mean
from .tables import settled
from .values import Activations, IntegerImage, Mean, Raw, Sums, Value, scalar

__all__ = ["flattened", "hand_on", "image_codes", "plain_stream", "quantised_image"]

LEVELS = 255  # steps of a pixel, and of codes of 8 bits
PIXELS_REACH = 128  # a graph whose codes stand for numbers from here on takes pixels as they are
WHOLE = 1e-3  # so near to a whole number a zero point is one


def image_codes(draft: Draft, image: IntegerImage, scale: float = 1.0, zero: int = 0) -> Value:
    """The image where the graph's input is integers, each of which stands for a real."""
    stream = Stream("", 8, scale, zero + (128 if image.signed else 0))
    return quantised_image(draft, Raw(), stream, signed=image.signed)


def quantised_image(
    draft: Draft,
    raw: Raw,
    stream: Stream,
    *,
    rounding: ImageRounding = "half_even",
    signed: bool = False,
    given: bool = True,
) -> Value:
    """The graph's input x as the codes of `stream`; all of its quantisers must be equal.

    Parameters
    ----------
    rounding, signed : how the graph rounds, and whether its own codes are signed
    given : whether the graph has such a quantiser
    """
    if stream.zero != int(stream.zero):
        raise NetworkFileError("makes codes -1 and 1 of an image; only layers may give them")
    coding = replace(_coding(draft, raw, stream), rounding=rounding, signed=signed)
    image = replace(stream, layer=IMAGE)
    if draft.image is None:
        draft.spec = replace(draft.spec, bits=stream.bits, coding=coding)
        codes = Activations(image)
        draft.image = flattened(draft, "image", codes) if draft.flat_image else codes
        draft.image_stream = image
        _note_image(draft, coding, given)
    elif image != draft.image_stream or coding != draft.spec.coding:
        raise NetworkFileError("quantises the image in another way than an earlier node")
    return draft.image


def _coding(draft: Draft, raw: Raw, stream: Stream) -> ImageCoding:
    """What the codes of the graph's input stand for."""
    if (raw.scale <= 0).any():
        raise NetworkFileError("quantises an image whose factor is not above 0")
    if raw.rounded and stream.scale != 1:
        raise NetworkFileError("must have scale 1 after Round")
    scale, offset = stream.scale / raw.scale, -raw.offset / raw.scale
    given = int(stream.zero) + raw.zero
    zero = given + raw.offset / stream.scale
    same = (np.abs(zero - np.rint(zero)) < WHOLE).all() and (zero == zero[0]).all()
    if same and 0 <= round(zero[0]) <= stream.largest:
        zero_point, offset = round(zero[0]), np.zeros(1)
    else:
        zero_point = min(max(given, 0), stream.largest)
        offset = offset + (zero_point - given) * scale
    reach = max(zero_point, stream.largest - zero_point) * scale.max()
    mean, deviation = draft.pixels or ((0.0,), (1 / LEVELS if reach >= PIXELS_REACH else 1.0,))
    return ImageCoding(
        scale=_each(draft, "scale", scale),
        zero_point=zero_point,
        offset=_each(draft, "offset", offset + 0.0),
        mean=_each(draft, "mean", draft.options.mean or mean),
        deviation=_each(draft, "deviation", draft.options.deviation or deviation),
    )


def _each(draft: Draft, name: str, values: Reals | Sequence[float]) -> tuple[float, ...]:
    """Numbers of the image, checked: one, or one for each channel."""
    found = tuple(float(value) for value in values)
    least = 1 / LARGEST if name in ("scale", "deviation") else -LARGEST
    if len(found) not in (1, draft.spec.channels):
        raise NetworkFileError(f"must have 1 or {draft.spec.channels} numbers as {name}")
    if not all(least <= value <= LARGEST for value in found):
        raise NetworkFileError(f"has an image whose {name} is not in {least:g}..{LARGEST:g}")
    return found[:1] if len(set(found)) == 1 else found


def _note_image(draft: Draft, coding: ImageCoding, given: bool) -> None:
    """Tell the user what is taken for a code, and for a pixel."""
    if len(coding.scale) == len(coding.offset) == 1:
        zero = round(coding.zero_point - coding.offset[0] / coding.scale[0], 3) + 0.0
        draft.note(f"An image's code stands for {coding.scale[0]:g} * (code - {zero:g}).")
    else:
        draft.note("An image's codes stand for other numbers in each channel.")
    if not given:
        draft.note("The graph does not quantise its input: its codes are chosen here.")
    pixels = np.arange(LEVELS + 1)
    if draft.flat_image or (pixel_table(coding, draft.spec.bits) == pixels).all():
        return
    if draft.options.mean or draft.options.deviation or draft.pixels:
        text = "(p / 255 - mean) / deviation"
    else:
        text = "p / 255" if coding.deviation == (1.0,) else "p"
    draft.note(
        f"A pixel p of 0 to 255 stands for {text} in the graph's input; --mean and --deviation "
        "say otherwise."
    )


def plain_stream(draft: Draft, value: Value) -> Stream:
    """`value` as codes with one positive scale, and without a Pad."""
    if isinstance(value, Raw):
        value = _raw_codes(draft, value)
    if isinstance(value, Mean):
        return rounded_mean(draft, value)
    value = settled(draft, value)
    if not isinstance(value, Activations):
        raise NetworkFileError("has an input that is not quantised; put a Quant before it")
    if any(value.padding):
        raise NetworkFileError("must not follow a Pad")
    factor = scalar(value.factor, "scale of its input")
    if factor <= 0:
        raise NetworkFileError("has an input whose factor is not above 0")
    return replace(value.stream, scale=value.stream.scale * factor)


def flattened(draft: Draft, node: str, value: Value) -> Value:
    """Codes as one vector, by a layer named after `node`."""
    if isinstance(value, Mean):
        return replace(value, flat=True)
    if isinstance(value, Sums):
        flat = len(draft.shape(value)) == 1
        return value if flat else replace(value, after=(*value.after, Flatten(node, "")))
    source = plain_stream(draft, value)
    if len(draft.shapes[source.layer]) == 1:
        return value
    return Activations(hand_on(draft, Flatten(draft.unique(node), source.layer), source))


def hand_on(draft: Draft, layer: Layer, source: Stream) -> Stream:
    """Append a layer that hands the codes of `source` on; the stream of its output."""
    shape = draft.shapes[source.layer]
    if isinstance(layer, CodeLayer):
        draft.append(layer, layer.shape([shape], draft.tensors))
    else:
        draft.append(layer, output_shape(layer, shape, draft.codes))
    return replace(source, layer=layer.name)


def _raw_codes(draft: Draft, raw: Raw) -> Value:
    """An image that is not quantised in the graph: codes of 8 bits.

    They reach as far as the real numbers or the normalised pixels that the user gives. Else they
    stand for 0 to 1, if they are pixels; of features that is not known.
    """
    limits = _limits(draft)
    if limits is not None:
        return quantised_image(draft, raw, _reaching(raw, *limits), given=False)
    if draft.flat_image:
        raise NetworkFileError(
            "takes features that the graph does not quantise; give real ones with --data, whose "
            "range its codes get"
        )
    scale = float(raw.scale.max()) / LEVELS
    zeros = -raw.offset / scale if scale else np.zeros(1)
    zero = float(zeros[0])
    same = (raw.scale == raw.scale[0]).all() and (zeros == zero).all()
    if not same or not 0 <= zero <= LEVELS or abs(zero - round(zero)) > WHOLE:
        raise NetworkFileError(
            "has an image less a mean that is no whole number of 1/255; put a Quant before it"
        )
    return quantised_image(draft, raw, Stream("", 8, scale, round(zero)), given=False)


def _limits(draft: Draft) -> tuple[float, float] | None:
    """The least and the largest number of the graph's input, if the user says them."""
    options = draft.options
    if options.images is not None and (found := options.images.limits) is not None:
        return found
    if not (options.mean or options.deviation):
        return None
    mean, deviation = np.array(options.mean or [0.0]), np.array(options.deviation or [1.0])
    ends = [(end - mean) / deviation for end in (0, 1)]
    return float(ends[0].min()), float(ends[1].max())


def _reaching(raw: Raw, low: float, high: float) -> Stream:
    """Codes of 8 bits for scale * x + offset, of x from `low` to `high`; 0 has a code too."""
    ends = np.array([raw.scale * end + raw.offset for end in (low, high)])
    least, most = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    scale = (most - least) / LEVELS
    if not 1 / LARGEST <= scale <= LARGEST:
        raise NetworkFileError("takes numbers that are all 0, or too large to have codes")
    return Stream("", 8, scale, round(-least / scale))
