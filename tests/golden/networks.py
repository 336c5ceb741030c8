"""A small network for the tests: every kind of layer, a residual, two bit-widths."""

import numpy as np

from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    ImageCoding,
    ImageSpec,
    Linear,
    MaxPool,
    Network,
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
