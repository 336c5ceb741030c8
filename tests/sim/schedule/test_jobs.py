import numpy as np
import pytest

from tests.sim.schedule.made import CONFIG, memory, random_workload
from truncmac.sim.cycles.closed_form import count_sequence
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.shapes import LayerShape, Workload

RESTART = 3  # cycles from one job to the next; tests/sim/cycles/test_control.py counts them


def test_a_large_memory_makes_each_layer_one_job_that_counts_as_the_rtl_does():
    rng = np.random.default_rng(0)
    for _ in range(20):
        workload, bits = random_workload(rng), int(rng.integers(1, 9))
        layers = Layers.of(workload)
        result = schedule(layers, Sizes.of(CONFIG), memory(1 << 30, 1 << 30, 1e9), bits)
        assert result.jobs.tolist() == [1] * 4
        counts = count_sequence(layers.products(layers.bits(bits)), Sizes.of(CONFIG))
        assert result.counts.rows() == counts.rows()
        np.testing.assert_array_equal(result.cycles, counts.cycles + RESTART)


def test_blocks_fit_half_a_scratchpad_and_their_jobs_count_as_the_rtl_does():
    rng = np.random.default_rng(1)
    cut = 0
    for _ in range(40):
        workload, bits = random_workload(rng), int(rng.integers(1, 9))
        sizes = Sizes.of(CONFIG)
        room = memory(6000, 9000)
        result = schedule(Layers.of(workload), sizes, room, bits)
        for index, layer in enumerate(workload.layers):
            if not result.fits[index]:
                continue
            row_tiles, column_tiles = -(-layer.rows // 4), -(-layer.columns // 4)
            rows = -(-row_tiles // int(result.row_blocks[index]))
            columns = -(-column_tiles // int(result.column_blocks[index]))
            words = -(-layer.reduction // 4) * bits
            assert columns * words * int(sizes.weight_bytes) <= 9000 // 2
            assert rows * 4 * min(columns * 4, layer.columns) <= 6000 // 2
            tiles = result.counts.rows()[index]["tiles"]
            assert tiles == row_tiles * column_tiles
            assert result.counts.rows()[index]["chunks"] == tiles * words
            cut += result.jobs[index] > 1
    assert cut > 20


@pytest.mark.parametrize("bits", [1, 8])
def test_the_cycles_of_equal_blocks_are_those_of_as_many_jobs(bits):
    layer = LayerShape("l", 64, 100, 64)
    sizes = Sizes.of(CONFIG)
    column_tile = int(25 * bits * sizes.weight_bytes + 4 * sizes.parameter_bytes)
    room = memory(2 * 4 * (4 * 100 + 4 * 16), 2 * 4 * column_tile, 1e9)
    result = schedule(Layers.of(Workload("w", (layer,))), sizes, room, bits)
    rows, columns = int(result.row_blocks[0]), int(result.column_blocks[0])
    assert rows > 1
    assert 16 % rows == 0
    assert columns == 4
    job = Job(25, bits, 16 // rows, 16 // columns)
    idle = Job(25, 8, 16, 1)  # before it: its parameters load meanwhile
    counters = control_counters(CONFIG, [idle, job])[1]
    assert result.counts.rows()[0] == {k: v * rows * columns for k, v in counters.items()}
    assert result.cycles[0] == rows * columns * (counters["cycles"] + RESTART)
