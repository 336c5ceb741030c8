"""A small network for the tests: every kind of layer, a residual, two bit-widths."""

import numpy as np

from truncmac.golden import (
    AvgPool,
    Concat,
    Conv2d,
    DepthToSpace,
    Flatten,
    ImageCoding,
    ImageSpec,
    Linear,
    Lookup,
    MaxPool,
    Network,
    Scale,
    Upsample,
    from_affine,
)

WIDTHS = (8, 2)


CODING = ImageCoding(
    scale=(0.25, 0.5),
    zero_point=3,
    offset=(-0.125,),
    mean=(0.5, 0.25),
    deviation=(0.125,),
    signed=True,
)


def small_network(seed=0):
    rng = np.random.default_rng(seed)
    layers = (
        Conv2d("first", "image", bits=8, out_bits=4, padding=(1, 1), pad_code=3),
        Conv2d("second", "first", residual="first", out_bits=4, padding=(1, 1)),
        MaxPool("pool", "second"),
        Conv2d("third", "pool", offset="twos_complement", out_bits=6, stride=(2, 1)),
        AvgPool("mean", "third"),
        Flatten("flat", "mean"),
        Linear("logits", "flat"),
    )
    shapes = {"first": (5, 2, 3, 3), "second": (5, 5, 3, 3), "third": (4, 5, 2, 2)}
    tensors = {}
    for name, shape in (shapes | {"logits": (3, 4)}).items():
        tensors[f"{name}.codes"] = rng.integers(0, 256, shape, np.uint8)
        for bits in WIDTHS:
            if name == "logits":
                tensors[f"{name}.b{bits}.multiplier"] = rng.integers(-9, 10, shape[0])
                tensors[f"{name}.b{bits}.bias"] = rng.integers(-999, 999, shape[0])
                continue
            k = 8 if name == "first" else bits
            scale = rng.normal(0, 8 / (2**k * 64 * np.sqrt(np.prod(shape[1:]))), shape[0])
            residual = rng.uniform(0.1, 1, shape[0]) if name == "second" else None
            offset = rng.uniform(0, 15, shape[0])
            p = from_affine(scale, offset, out_bits=4, residual_scale=residual)
            tensors[f"{name}.b{bits}.multiplier"] = p.multiplier
            tensors[f"{name}.b{bits}.bias"] = p.bias
            tensors[f"{name}.b{bits}.shift"] = p.shift
            if residual is not None:
                tensors[f"{name}.b{bits}.residual_multiplier"] = p.residual_multiplier
    return Network("small", ImageSpec(2, 7, 6, 6), WIDTHS, layers, tensors)


def wide_network(seed=0):
    """What version 2 of the network file has: groups, dilation, paddings of four, and coders."""
    rng = np.random.default_rng(seed)
    signed = {"offset": "twos_complement", "out_bits": 8}
    layers = (
        Conv2d("grouped", "image", padding=(1, 0, 2, 1), pad_code=7, groups=2, **signed),
        Conv2d("depthwise", "grouped", groups=6, dilation=(2, 2), padding=(2, 2), **signed),
        Conv2d("apart", "image", dilation=(1, 2), stride=(2, 1), out_bits=5),
        Lookup("table", "apart", out_bits=6),
        Lookup("tables", "table", out_bits=7),
        Upsample("up", "tables", factor=(2, 1)),
        DepthToSpace("moved", "grouped", block=(2, 1)),
        MaxPool("pool", "depthwise", (2, 2), (1, 1), (0, 1, 1, 0)),
        Concat("join", "depthwise", others=("pool", "depthwise")),
        AvgPool("mean", "join"),
        Scale("scaled", "join", by="mean", zero=9, by_zero=30, out_bits=7),
        Scale("squared", "scaled", by="join", out_bits=8),
        AvgPool("small", "squared"),
        Flatten("flat", "small"),
        Linear("logits", "flat"),
    )
    shapes = {"grouped": (6, 2, 3, 2), "depthwise": (6, 1, 3, 3), "apart": (3, 4, 2, 2)}
    tensors = {}
    for name, shape in (shapes | {"logits": (3, 18)}).items():
        tensors[f"{name}.codes"] = rng.integers(0, 256, shape, np.uint8)
        for bits in WIDTHS:
            spread = 90 / (2**bits * 64 * np.sqrt(np.prod(shape[1:])))
            offset = rng.uniform(0, 40, shape[0])
            p = from_affine(rng.normal(0, spread, shape[0]), offset, out_bits=8)
            for part in ("multiplier", "bias", *(["shift"] if name != "logits" else [])):
                tensors[f"{name}.b{bits}.{part}"] = getattr(p, part)
    tensors["table.table"] = rng.integers(0, 64, 256, np.uint8)
    tensors["tables.table"] = rng.integers(0, 128, (3, 256), np.uint8)
    for name in ("scaled", "squared"):
        for part, value in (("multiplier", 77), ("bias", 5000), ("shift", 14)):
            tensors[f"{name}.{part}"] = np.array([value])
    return Network("wide", ImageSpec(4, 6, 5, 6), WIDTHS, layers, tensors)


def newer_network(pixels=12, rounding="half_even"):
    """A network of all that version 2 of the format has; its image has 8 x 6 pixels.

    A pool requantises windows of 2 x 2, and the last layer has a weight for 12 pixels each.
    """
    rng = np.random.default_rng(4)
    layers = (
        Conv2d("conv", "image", out_bits=4, padding=(1, 1), rounding=rounding),
        AvgPool("mean", "conv", (2, 2), out_bits=7, multiplier=11000, bias=9000, shift=13),
        Flatten("flat", "mean"),
        Linear("logits", "flat", offset="twos_complement", pixels=pixels),
    )
    tensors = {
        "conv.codes": rng.integers(0, 256, (5, 2, 3, 3), np.uint8),
        "logits.codes": rng.integers(0, 256, (3, 60 // pixels), np.uint8),
    }
    for bits in WIDTHS:
        params = from_affine(rng.normal(0, 0.02 / 2**bits, 5), rng.uniform(3, 9, 5), out_bits=4)
        for name in ("multiplier", "bias", "shift"):
            tensors[f"conv.b{bits}.{name}"] = getattr(params, name)
        tensors[f"logits.b{bits}.multiplier"] = rng.integers(-9, 10, 3)
        tensors[f"logits.b{bits}.bias"] = rng.integers(-999, 999, 3)
    image = ImageSpec(2, 8, 6, 6, CODING)
    return Network("newer", image, WIDTHS, layers, tensors)
