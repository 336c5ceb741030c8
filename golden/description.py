"""The JSON description of a network's layers: written, and read with every entry checked.

A description is of the lowest version that can say what the network is.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, replace
from typing import Any

from .checks import expect, is_whole
from .coders import Concat, DepthToSpace, Lookup, Scale, Upsample
from .coding import ROUNDINGS, ImageCoding
from .network import (
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Layer,
    Linear,
    MaxPool,
    Network,
    Shortcut,
)
from .types import Tensors
from .validity import check_graph, check_names, checked

__all__ = ["FORMAT", "VERSION", "described", "description_of", "from_description", "read_layer"]

FORMAT = "truncmac-network"
VERSION = 2  # 1 has no image coding, nor what `NEW` and `NEW_OPS` say, nor paddings of four
MOST_LAYERS = 1 << 12
RANGES = {  # of entries that are whole numbers
    **dict.fromkeys(("bits", "out_bits"), (1, 8)),
    **dict.fromkeys(("channels", "groups", "pixels"), (1, 1 << 16)),
    **dict.fromkeys(("pad_code", "zero", "by_zero"), (0, 255)),
    "multiplier": (-(1 << 31), (1 << 31) - 1),
    "bias": (-(1 << 60), (1 << 60) - 1),
    "shift": (0, 63),
}
LARGEST = 1e30  # of the reals that a description holds; scales and deviations are above its inverse
OPS: Mapping[str, type[Layer]] = {
    "conv2d": Conv2d,
    "linear": Linear,
    "max_pool": MaxPool,
    "avg_pool": AvgPool,
    "shortcut": Shortcut,
    "flatten": Flatten,
    "lookup": Lookup,
    "concat": Concat,
    "upsample": Upsample,
    "depth_to_space": DepthToSpace,
    "scale": Scale,
}
NEW_OPS = ("lookup", "concat", "upsample", "depth_to_space", "scale")
NEW: Mapping[type[Layer], tuple[str, ...]] = {  # fields that version 1 lacks
    AvgPool: ("out_bits", "multiplier", "bias", "shift"),
    Conv2d: ("dilation", "groups", "rounding"),
    Linear: ("pixels", "rounding"),
}
NAMES = {kind: op for op, kind in OPS.items()}


def description_of(network: Network) -> dict[str, Any]:
    """The description of a network, of what JSON can hold."""
    image = asdict(network.image)
    layers = [_entry(layer) for layer in network.layers]
    version = VERSION
    if network.image.coding is None and not any(map(_is_new, layers)):
        version = 1
    if network.image.coding is None:
        del image["coding"]
    return {
        "format": FORMAT,
        "version": version,
        "name": network.name,
        "image": image,
        "bit_widths": list(network.bit_widths),
        "layers": layers,
    }


def _entry(layer: Layer) -> dict[str, Any]:
    """The entry of a layer, without what version 1 lacks where it is as by default."""
    defaults = {field.name: field.default for field in fields(layer)}
    new = NEW.get(type(layer), ())
    found = {
        key: value
        for key, value in asdict(layer).items()
        if key not in new or value != defaults[key]
    }
    return {"op": NAMES[type(layer)], **found}


def _is_new(entry: Mapping[str, Any]) -> bool:
    """Whether version 1 cannot say it."""
    wide = len(entry.get("padding", ())) == 4 or isinstance(entry.get("offset"), int)
    new = NEW.get(OPS[entry["op"]], ())
    return wide or entry["op"] in NEW_OPS or any(key in new for key in entry)


def from_description(description: Any, tensors: Tensors) -> Network:
    """The network of a file's description and tensors, all of which is checked.

    Raises
    ------
    ValueError
        If a part is wrong: says which.
    """
    network = replace(described(description), tensors=tensors)
    check_names(network, set(tensors))
    return checked(network)


def described(description: Any) -> Network:
    """The network that a description describes, without its tensors."""
    expect(isinstance(description, dict), "the layer description must be a JSON object")
    found = description.get("format")
    expect(found == FORMAT, f"format must be {FORMAT!r}, not {found!r}")
    version = description.get("version")
    expect(
        is_whole(version, 1, VERSION),
        f"format version must be in 1..{VERSION}, not {version!r}; "
        "read it with the truncmac release that wrote it, or export it again",
    )
    wanted = {"format", "version", "name", "image", "bit_widths", "layers"}
    expect(set(description) == wanted, f"the description must have the entries {sorted(wanted)}")
    expect(isinstance(description["name"], str), "the network's name must be a string")
    expect(isinstance(description["layers"], list), "layers must be a list")
    count = len(description["layers"])
    expect(count > 0, "there must be at least one layer")
    expect(count <= MOST_LAYERS, f"there must be at most {MOST_LAYERS} layers, not {count}")
    network = Network(
        name=description["name"],
        image=_image(description["image"], version),
        bit_widths=_bit_widths(description["bit_widths"]),
        layers=tuple(read_layer(entry, version) for entry in description["layers"]),
        tensors={},
    )
    check_graph(network)
    return network


def _image(entry: Any, version: int) -> ImageSpec:
    names = {field.name for field in fields(ImageSpec)} - {"coding"}
    known = names | ({"coding"} if version > 1 else set())
    valid = isinstance(entry, dict) and names <= set(entry) <= known
    expect(valid, f"image must have {sorted(names)}")
    for name in sorted(names):
        value = entry[name]
        expect(is_whole(value, 1, 1 << 16), f"image {name} must be in 1..65536, not {value!r}")
    expect(entry["bits"] <= 8, f"image bits must be in 1..8, not {entry['bits']}")
    coding = entry.get("coding")
    sizes = {name: entry[name] for name in names}
    return ImageSpec(**sizes, coding=None if coding is None else _coding(coding, **sizes))


def _coding(entry: Any, *, channels: int, bits: int, **_: int) -> ImageCoding:
    """What the codes of an image stand for."""
    names = {field.name for field in fields(ImageCoding)}
    valid = isinstance(entry, dict) and set(entry) == names
    expect(valid, f"image coding must have {sorted(names)}")
    reals = {}
    for name in ("scale", "offset", "mean", "deviation"):
        values = entry[name]
        valid = isinstance(values, list) and len(values) in (1, channels)
        expect(valid, f"image {name} must be a list of 1 or {channels} numbers")
        least = 1 / LARGEST if name in ("scale", "deviation") else -LARGEST
        for value in values:
            real = isinstance(value, int | float) and not isinstance(value, bool)
            expect(
                real and least <= value <= LARGEST,
                f"image {name} must be numbers in {least:g}..{LARGEST:g}",
            )
        reals[name] = tuple(map(float, values))
    zero = entry["zero_point"]
    most = (1 << bits) - 1
    expect(is_whole(zero, 0, most), f"image zero_point must be in 0..{most}, not {zero!r}")
    signed = entry["signed"]
    expect(isinstance(signed, bool), f"image signed must be true or false, not {signed!r}")
    rounding = entry["rounding"]
    known = isinstance(rounding, str) and rounding in ROUNDINGS
    expect(known, f"image rounding must be one of {', '.join(ROUNDINGS)}, not {rounding!r}")
    return ImageCoding(**reals, zero_point=zero, rounding=rounding, signed=signed)


def _bit_widths(entry: Any) -> tuple[int, ...]:
    valid = isinstance(entry, list) and len(entry) > 0 and all(is_whole(k, 1, 8) for k in entry)
    expect(valid and len(set(entry)) == len(entry), "bit_widths must be different k in 1..8")
    return tuple(entry)


def read_layer(entry: Any, version: int = VERSION) -> Layer:
    """The layer that an entry of a description of a version describes.

    Raises
    ------
    ValueError
        If it describes none: names the entry.
    """
    expect(isinstance(entry, dict), "each layer must be a JSON object")
    op = entry.get("op")
    known = ", ".join(OPS)
    expect(isinstance(op, str) and op in OPS, f"layer op must be one of {known}, not {op!r}")
    kind = OPS[op]
    values = {key: value for key, value in entry.items() if key != "op"}
    label = f"layer {values.get('name')!r}"
    allowed = {field.name for field in fields(kind)}
    allowed -= set(NEW.get(kind, ()) if version == 1 else ())
    extra = sorted(set(values) - allowed)
    expect(not extra, f"{label} has unknown entries {extra}")
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    missing = sorted(needed - set(values))
    expect(not missing, f"{label} lacks the entries {missing}")
    open_fields = {field.name for field in fields(kind) if field.default is None}
    for key, value in values.items():
        if value is not None or key not in open_fields:
            values[key] = _field(label, key, value)
    layer = kind(**values)
    if isinstance(layer, AvgPool):
        given = [value is not None for key, value in values.items() if key in NEW[AvgPool]]
        whole = not any(given) or (all(given) and len(given) == len(NEW[AvgPool]))
        expect(whole, f"{label} must have all of {', '.join(NEW[AvgPool])}, or none")
    return layer


def _field(label: str, key: str, value: Any) -> Any:
    """One entry of a layer that is not left open, checked."""
    if key in ("name", "input", "residual", "by"):
        expect(isinstance(value, str) and value != "", f"{label}: {key} must be a name")
    elif key == "others":
        names = isinstance(value, list) and all(isinstance(v, str) and v != "" for v in value)
        expect(names and len(value) <= MOST_LAYERS, f"{label}: others must be a list of names")
        return tuple(value)
    elif key in RANGES:
        least, most = RANGES[key]
        expect(
            is_whole(value, least, most),
            f"{label}: {key} must be in {least}..{most}, not {value!r}",
        )
    elif key == "offset":
        kinds = ("bipolar", "twos_complement")
        known = isinstance(value, str) and value in kinds
        expect(
            known or is_whole(value, 0, 255),
            f"{label}: offset must be one of {kinds}, or in 0..255, not {value!r}",
        )
    elif key == "rounding":
        kinds = ("half_up", "half_even")
        known = isinstance(value, str) and value in kinds
        expect(known, f"{label}: rounding must be one of {kinds}, not {value!r}")
    elif key == "padding":
        valid = isinstance(value, list) and len(value) in (2, 4)
        valid = valid and all(is_whole(v, 0, 1 << 16) for v in value)
        expect(valid, f"{label}: padding must be two or four numbers of at least 0, not {value!r}")
        return tuple(value)
    elif key in ("stride", "kernel", "dilation", "factor", "block"):
        least = 1
        pair = isinstance(value, list) and len(value) == 2
        valid = pair and all(is_whole(v, least, 1 << 16) for v in value)
        expect(valid, f"{label}: {key} must be two numbers of at least {least}, not {value!r}")
        return tuple(value)
    return value
