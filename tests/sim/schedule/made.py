"""Layers and memories made at random, and a small array to run them on."""

import numpy as np

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.blocks import MemoryArrays
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload

CONFIG = ArrayConfig(4, 4, 4, 1, 2000)


def random_workload(rng, count=4):
    layers = []
    for index in range(count):
        options = {"raw": bool(rng.random() < 0.3), "residual": bool(rng.random() < 0.3)}
        if rng.random() < 0.5:
            kernel = int(rng.choice([1, 3, 5]))
            window = Window(
                *rng.integers([1, 6, 6], [20, 30, 30]).tolist(),
                kernel=(kernel, kernel),
                stride=(int(rng.integers(1, 3)),) * 2,
                padding=(kernel // 2,) * 2,
            )
            columns = int(rng.integers(1, 60))
            layers.append(LayerShape.conv2d(f"l{index}", window, columns, **options))
        else:
            layers.append(LayerShape(f"l{index}", *rng.integers(1, 200, 3).tolist(), **options))
    return Workload("random", tuple(layers))


def memory(activations, weights, dram=2.0):
    return MemoryArrays(
        activation_bytes=np.array(activations),
        weight_bytes=np.array(weights),
        dram_bytes_per_cycle=np.array(dram),
    )
