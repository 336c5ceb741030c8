"""Random networks with all that the NPU can do, and runs of their programs."""

from dataclasses import replace

import numpy as np

from truncmac.descriptors import Region
from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Linear,
    MaxPool,
    Network,
    Setting,
    Shortcut,
    execute,
    interpret,
    shapes,
)
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network, machine_of

WIDTHS = (8, 5, 2, 1)
CONFIGS = [
    NpuConfig(array=ArrayConfig(rows=rows, cols=cols, lanes=lanes, planes=planes), **more)
    for rows, cols, lanes, planes, more in (
        (8, 8, 8, 1, {}),
        (4, 4, 2, 1, {"bus_width": 64, "groups": 4}),
        (16, 16, 8, 1, {"bus_width": 128}),
        (8, 8, 16, 2, {"bus_width": 256, "groups": 3, "depth": 300}),
        (2, 16, 4, 4, {"depth": 4096}),
        (1, 8, 1, 1, {"depth": 20_000, "groups": 5}),
        (16, 2, 4, 8, {"bus_width": 128, "outstanding": 1}),
        (32, 1, 8, 2, {"groups": 8}),
        (4, 32, 32, 1, {"bus_width": 256}),
    )
]

SMALL = [
    NpuConfig(array=ArrayConfig(rows=rows, cols=cols, lanes=lanes, planes=planes), groups=groups)
    for rows, cols, lanes, planes, groups in (
        *((4, 4, 2, 1, 3), (2, 16, 2, 2, 3), (1, 8, 1, 1, 4), (8, 8, 2, 1, 3), (4, 2, 4, 8, 4)),
        *((2, 4, 2, 1, 5), (16, 4, 2, 1, 3)),
    )
]


def random_network(seed):
    """A network of every kind of layer, drawn by seed; its name tells the seed."""
    rng = np.random.default_rng(seed)
    image = ImageSpec(*(int(n) for n in rng.integers((1, 5, 5), (5, 13, 13))), bits=8)
    layers, tensors = [], {}
    known = {"image": (image.channels, image.height, image.width)}
    if seed % 13 == 5:  # a perceptron
        flat, hidden = Flatten("flatten", "image"), Linear("hidden", "flatten", out_bits=5)
        layers = [flat, hidden, Linear("logits", "hidden")]
        _add_tensors(rng, tensors, hidden, (9, int(np.prod(known["image"]))))
        _add_tensors(rng, tensors, layers[2], (4, 9))
        return Network(f"random{seed}", image, WIDTHS, tuple(layers), tensors)
    for index in range(int(rng.integers(3, 9))):
        layer, shape = _layer(rng, f"layer{index}", known)
        layers.append(layer)
        if shape is not None:
            _add_tensors(rng, tensors, layer, shape)
        network = Network(f"random{seed}", image, WIDTHS, tuple(layers), tensors)
        known = shapes(network)
    last = layers[-1].name
    if len(known[last]) == 3 and rng.integers(4):
        layers.append(Flatten("flat", last))
        known["flat"] = (int(np.prod(known[last])),)
        last = "flat"
    if len(known[last]) == 1 and rng.integers(4):
        logits = Linear("logits", last, out_bits=None if rng.integers(3) else 7)
        layers.append(logits)
        _add_tensors(rng, tensors, logits, (int(rng.integers(1, 12)), known[last][0]))
    return Network(f"random{seed}", image, WIDTHS, tuple(layers), tensors)


def _layer(rng, name, known):
    """A layer that fits one of those before it, and the shape of its weights."""
    source = list(known)[-1] if rng.integers(4) else str(rng.choice(list(known)))
    channels, height, width = known[source]
    kind = rng.choice(["conv", "conv", "conv", "max", "avg", "shortcut"])
    least = min(height, width)
    if kind == "conv":
        kernel = tuple(int(n) for n in rng.integers(1, min(least, 4) + 1, 2))
        outputs = int(rng.integers(1, 20))
        layer = Conv2d(
            name,
            source,
            bits=int(rng.integers(1, 9)) if rng.integers(3) == 0 else None,
            out_bits=int(rng.integers(1, 9)),
            offset="twos_complement" if rng.integers(3) == 0 else "bipolar",
            stride=tuple(int(n) for n in rng.integers(1, 4, 2)),
            padding=tuple(int(rng.integers(0, k)) for k in kernel),
            pad_code=int(rng.integers(0, 256)),
        )
        size = [
            (n + 2 * p - k) // s + 1
            for n, p, k, s in zip((height, width), layer.padding, kernel, layer.stride, strict=True)
        ]
        fits = [other for other, shape in known.items() if shape == (outputs, *size)]
        same = [other for other, shape in known.items() if shape[1:] == tuple(size)]
        if same and not fits and rng.integers(2):
            outputs = known[same[0]][0]
            fits = [same[0]]
        if fits and rng.integers(3):
            layer = Conv2d(**(vars(layer) | {"residual": str(rng.choice(fits))}))
        return layer, (outputs, channels, *kernel)
    if kind == "max":
        kernel = tuple(int(n) for n in rng.integers(1, min(least, 3) + 1, 2))
        padding = tuple(int(rng.integers(0, k)) for k in kernel)
        return MaxPool(name, source, kernel, tuple(rng.integers(1, 4, 2).tolist()), padding), None
    if kind == "avg":
        kernel = tuple(rng.integers(1, min(least, 4) + 1, 2).tolist()) if rng.integers(2) else None
        return AvgPool(name, source, kernel, tuple(rng.integers(1, 3, 2).tolist())), None
    more = int(rng.integers(0, 6))
    stride = tuple(rng.integers(1, 4, 2).tolist())
    return Shortcut(name, source, channels=channels + more, stride=stride), None


def _add_tensors(rng, tensors, layer, shape):
    """Weights and parameters; some multipliers are negative, some are zero."""
    tensors[f"{layer.name}.codes"] = rng.integers(0, 256, shape, np.uint8)
    for bits in WIDTHS:
        prefix, count = f"{layer.name}.b{bits}", shape[0]
        multiplier = rng.integers(-(1 << 11), 1 << 11, count) * (rng.random(count) > 0.2)
        tensors[f"{prefix}.multiplier"] = multiplier.astype(np.int64)
        tensors[f"{prefix}.bias"] = rng.integers(-(1 << 24), 1 << 26, count)
        if layer.out_bits is not None:
            tensors[f"{prefix}.shift"] = rng.integers(10, 24, count)
        if layer.residual is not None:
            tensors[f"{prefix}.residual_multiplier"] = rng.integers(-(1 << 16), 1 << 16, count)


def random_images(network, seed, count=1):
    image = network.image
    rng = np.random.default_rng(seed)
    shape = (count, image.channels, image.height, image.width)
    return rng.integers(0, 1 << image.bits, shape, np.uint8)


def run(compiled, entry, image):
    """Run a program on the reference; its output, the maps that it kept, and its traffic."""
    regions = {
        Region.PROGRAM: np.frombuffer(compiled.program, np.uint8),
        Region.INPUT: compiled.input_of(image),
        Region.OUTPUT: np.full(compiled.output_bytes, 0xA5, np.uint8),
        Region.SCRATCH: np.zeros(compiled.scratch_bytes, np.uint8),
    }
    traffic = interpret(machine_of(compiled.config), regions, entry=entry.offset)
    kept = {
        name: regions[Region.SCRATCH][part.offset :][: np.prod(part.shape)].reshape(part.shape)
        for name, part in compiled.kept.items()
    }
    return compiled.output_of(entry, regions[Region.OUTPUT]), kept, traffic


def small_memory(network, seed):
    """An NPU in which some maps of a network do not fit as a whole, by seed."""
    rng = np.random.default_rng(seed + 1_000_000)
    config = SMALL[seed % len(SMALL)]
    large = compile_network(network, replace(config, depth=1 << 16), [Setting("8", 8)])
    machine = machine_of(config)
    most = max(place.words(large.steps.maps[name], machine) for name, place in large.places.items())
    return replace(config, depth=max(16, int(most * rng.uniform(0.15, 1.2))))


def differences(network, config, widths, image, *, keep=True):
    """Layers, at each k, whose codes or logits are not those of golden."""
    settings = [Setting(str(index), bits) for index, bits in enumerate(widths)]
    compiled = compile_network(network, config, settings, keep=keep)
    last, wrong, compared = network.layers[-1].name, [], 0
    for entry in compiled.entries:
        bits = entry.setting.bits
        expected = execute(network, image[None], bits)
        output, kept, _ = run(compiled, entry, image)
        if not np.array_equal(output, expected.outputs[last][0]):
            wrong.append((bits, last))
        for name in set(kept) & set(expected.outputs):
            codes = expected.outputs[name][0]
            compared += 1
            if not np.array_equal(kept[name].transpose(2, 0, 1).reshape(codes.shape), codes):
                wrong.append((bits, name))
    assert compared or not keep or len(network.layers) == 1
    return wrong
