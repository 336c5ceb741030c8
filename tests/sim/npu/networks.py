"""NPUs, and runs of programs on the reference."""

from dataclasses import replace

import numpy as np

from truncmac.descriptors import Region
from truncmac.golden import Setting, execute, interpret, layer_bits
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.planning import machine_of, planners, ways_to_run

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


def resident_plan(network, config):
    """The best plan in which every map is on chip as a whole; None if they do not fit."""
    plans = [
        each.resident() for each in planners(ways_to_run(network), config, [layer_bits(network, 8)])
    ]
    return min((p for p in plans if p), key=lambda plan: sum(plan.cycles), default=None)


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
