"""Streams of activation codes: from the graph's input, and from layer to layer."""

from dataclasses import replace

from truncmac.golden import IMAGE, Flatten, Layer, NetworkFileError, Stream, output_shape

from .draft import Draft
from .values import Activations, Mean, Raw, Value, scalar

__all__ = ["flattened", "hand_on", "image_codes", "plain_stream", "quantised_image", "source_of"]

IMAGE_LEVELS = 255  # of codes that stand for 0 to 1


def image_codes(draft: Draft) -> Value:
    """The image where the graph's input is codes itself."""
    return quantised_image(draft, Raw(), Stream("", 8))


def quantised_image(draft: Draft, raw: Raw, stream: Stream) -> Value:
    """The graph's input x as the codes of `stream`; all of its quantisers must be equal."""
    if raw.scale <= 0:
        raise NetworkFileError("quantises an image whose factor is not above 0")
    image = replace(stream, layer=IMAGE)
    if draft.image is None:
        draft.spec = replace(draft.spec, bits=stream.bits)
        codes = Activations(image)
        step, zero = stream.scale / raw.scale, round(stream.zero + raw.offset / stream.scale, 3)
        draft.note(f"An image's code stands for {step:g} * (code - {zero + 0.0:g}).")
        draft.image = flattened(draft, "image", codes) if draft.flat_image else codes
        draft.image_stream = image
    elif image != draft.image_stream:
        raise NetworkFileError("quantises the image in another way than an earlier node")
    return draft.image


def plain_stream(draft: Draft, value: Value) -> Stream:
    """`value` as codes with one positive scale, and without a Pad."""
    if isinstance(value, Raw):
        value = _raw_codes(draft, value)
    if isinstance(value, Mean):
        draft.note(
            "A mean over pixels is rounded to a code, also where the graph keeps its fraction."
        )
        return value.stream
    if not isinstance(value, Activations):
        raise NetworkFileError("has an input that is not quantised; put a Quant before it")
    if value.padding != (0, 0):
        raise NetworkFileError("must not follow a Pad")
    factor = scalar(value.factor, "scale of its input")
    if factor <= 0:
        raise NetworkFileError("has an input whose factor is not above 0")
    return replace(value.stream, scale=value.stream.scale * factor)


def source_of(draft: Draft, value: Value) -> Stream:
    """As `plain_stream`, for what does not care that a mean is rounded."""
    return value.stream if isinstance(value, Mean) else plain_stream(draft, value)


def flattened(draft: Draft, node: str, value: Value) -> Value:
    """Codes as one vector, by a layer named after `node`."""
    source = source_of(draft, value)
    if len(draft.shapes[source.layer]) == 1:
        return value
    stream = hand_on(draft, Flatten(draft.unique(node), source.layer), source)
    return replace(value, stream=stream) if isinstance(value, Mean) else Activations(stream)


def hand_on(draft: Draft, layer: Layer, source: Stream) -> Stream:
    """Append a layer that hands the codes of `source` on; the stream of its output."""
    draft.append(layer, output_shape(layer, draft.shapes[source.layer], draft.codes))
    return replace(source, layer=layer.name)


def _raw_codes(draft: Draft, raw: Raw) -> Value:
    """An image that is not quantised in the graph: codes of 8 bits, which stand for 0 to 1."""
    scale = raw.scale / IMAGE_LEVELS
    zero = -raw.offset / scale if scale else 0.0
    if not 0 <= zero <= IMAGE_LEVELS or abs(zero - round(zero)) > 1e-3:
        raise NetworkFileError(
            "has an image less a mean that is no whole number of 1/255; put a Quant before it"
        )
    return quantised_image(draft, raw, Stream("", 8, scale, round(zero)))
