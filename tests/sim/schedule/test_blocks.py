import numpy as np

from tests.sim.schedule.made import CONFIG, memory, random_workload
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.schedule.blocks import MemoryArrays, needed_bytes
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.shapes import LayerShape, Workload


def test_the_bytes_needed_are_the_fewest_that_fit():
    rng = np.random.default_rng(4)
    sizes = Sizes.of(CONFIG)
    for _ in range(60):
        layers, bits = Layers.of(random_workload(rng, 1)), int(rng.integers(1, 9))
        _, weights = needed_bytes(layers, sizes, memory(1, 1), bits)
        rows, _ = needed_bytes(layers, sizes, memory(1, weights[0]), bits)
        for lacks in ((0, 0), (1, 0), (0, 1)):
            room = memory(rows[0] - lacks[0], weights[0] - lacks[1])
            assert schedule(layers, sizes, room, bits).fits[0] == (lacks == (0, 0))


def test_an_output_stays_where_input_and_output_fit_together():
    layers = (LayerShape("a", 10, 10, 20), LayerShape("b", 10, 20, 8), LayerShape("c", 10, 8, 8))
    workload = Layers.of(Workload("w", layers))
    result = schedule(workload, Sizes.of(CONFIG), memory(10_000, 10_000), 8)
    assert result.dram_inputs.tolist() == [100, 0, 0]
    assert result.dram_outputs.tolist() == [0, 0, 80]
    result = schedule(workload, Sizes.of(CONFIG), memory(290, 10_000), 8)
    assert result.dram_outputs.tolist() == [200, 0, 80]
    assert result.dram_inputs.tolist() == [100, 200, 0]


def test_memories_are_those_of_the_platform():
    platform = PLATFORMS["datacentre"]
    found = MemoryArrays.of(platform)
    assert (found.activation_bytes, found.weight_bytes) == (4 << 20, 4 << 20)
    assert found.dram_bytes_per_cycle == 100
