import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import RESTART, Sizes, count_sequence
from truncmac.sim.cycles.control import Job, control_counters
from truncmac.sim.schedule.schedule import Layers, MemoryArrays, needed_bytes, schedule
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
    return MemoryArrays(np.array(activations), np.array(weights), np.array(dram))


def walk(layer, result, index, bits, weights_stay, sizes):
    """Loads of a layer's blocks in its order, one after the other: (weight tiles, input lines)."""
    row_tiles = -(-layer.rows // CONFIG.rows)
    column_tiles = -(-layer.columns // CONFIG.cols)
    rows, columns = int(result.row_blocks[index]), int(result.column_blocks[index])
    outer, inner = (columns, rows) if weights_stay else (rows, columns)
    held = {"row": None, "column": None}
    loads = {"row": 0, "column": 0}
    for a in range(outer):
        for b in range(inner):
            for kind, block in (
                ("column" if weights_stay else "row", a),
                ("row" if weights_stay else "column", b),
            ):
                if held[kind] != block:
                    held[kind] = block
                    loads[kind] += 1
    assert row_tiles >= rows
    assert column_tiles >= columns
    return loads["row"] / rows, loads["column"] / columns


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


def test_what_is_passed_by_is_loaded_anew_and_what_stays_once():
    rng = np.random.default_rng(2)
    both = 0
    for _ in range(60):
        workload = random_workload(rng, 1)
        layer, layers = workload.layers[0], Layers.of(workload)
        sizes = Sizes.of(CONFIG)
        whole = schedule(layers, sizes, memory(1 << 30, 1 << 30), 8)
        for goal in ("time", "traffic"):
            result = schedule(layers, sizes, memory(4000, 9000), 8, goal=goal)
            if not result.fits[0]:
                continue
            stay = bool(result.weights_stay)
            row_loads, column_loads = walk(layer, result, 0, 8, stay, sizes)
            assert result.dram_weights[0] == column_loads * whole.dram_weights[0]
            assert result.dram_inputs[0] >= row_loads * layer.input_codes * (
                layer.window is None or layer.window.stride[0] <= layer.window.kernel[0]
            )
            assert result.dram_outputs[0] == layer.rows * layer.columns * (4 if layer.raw else 1)
            both += row_loads > 1 or column_loads > 1
    assert both > 10


def test_the_goals_are_the_better_of_the_two_orders():
    rng = np.random.default_rng(3)
    differing = 0
    for _ in range(40):
        layers, sizes = Layers.of(random_workload(rng)), Sizes.of(CONFIG)
        room = memory(4000, 9000, float(rng.choice([0.5, 4])))
        fast, lean = (schedule(layers, sizes, room, 4, goal=g) for g in ("time", "traffic"))
        assert (fast.cycles <= lean.cycles).all()
        assert (lean.dram_bytes <= fast.dram_bytes).all()
        differing += not np.array_equal(fast.dram_bytes, lean.dram_bytes)
        both = np.maximum(fast.counts.cycles, fast.dram_cycles)
        assert (fast.cycles[fast.fits] >= both[fast.fits]).all()


def test_fewer_bits_move_fewer_weights_and_as_many_activations():
    layer = LayerShape.conv2d("conv", Window(16, 20, 20, (3, 3), padding=(1, 1)), 32)
    workload = Workload("w", (layer,))
    bits = np.arange(1, 9)[:, None]
    result = schedule(Layers.of(workload), Sizes.of(CONFIG), memory(1 << 20, 1 << 20), bits)
    parameters = result.dram_weights[0, 0] - 8 * 36 * 2  # 8 column tiles of 36 words of 2 bytes
    np.testing.assert_array_equal(
        result.dram_weights[:, 0] - parameters, 8 * 36 * 2 * np.arange(1, 9)
    )
    assert set(result.dram_inputs.ravel().tolist()) == {16 * 20 * 20}


def test_an_output_stays_where_input_and_output_fit_together():
    layers = (LayerShape("a", 10, 10, 20), LayerShape("b", 10, 20, 8), LayerShape("c", 10, 8, 8))
    workload = Layers.of(Workload("w", layers))
    result = schedule(workload, Sizes.of(CONFIG), memory(10_000, 10_000), 8)
    assert result.dram_inputs.tolist() == [100, 0, 0]
    assert result.dram_outputs.tolist() == [0, 0, 80]
    result = schedule(workload, Sizes.of(CONFIG), memory(290, 10_000), 8)
    assert result.dram_outputs.tolist() == [200, 0, 80]
    assert result.dram_inputs.tolist() == [100, 200, 0]


def test_groups_are_as_many_jobs_with_operands_of_their_own():
    window = Window(1, 12, 12, (3, 3), padding=(1, 1))
    one, many = (
        Layers.of(Workload("w", (LayerShape.conv2d("depthwise", window, 1, groups=groups),)))
        for groups in (1, 32)
    )
    room = memory(1000, 10_000)  # so that outputs go to the DRAM
    single = schedule(one, Sizes.of(CONFIG), room, 4)
    result = schedule(many, Sizes.of(CONFIG), room, 4)
    assert result.jobs == 32 * single.jobs
    for name in ("dram_weights", "dram_inputs", "dram_outputs", "read_activations", "read_weights"):
        assert getattr(result, name) == 32 * getattr(single, name), name
    assert many.macs == 32 * one.macs
    assert result.counts.chunks == 32 * single.counts.chunks


def test_an_unknown_goal_is_refused():
    layers = Layers.of(Workload("w", (LayerShape("a", 1, 1, 1),)))
    with pytest.raises(ValueError, match="^Goal must be time or traffic, not 'energy'$"):
        schedule(layers, Sizes.of(CONFIG), memory(100, 100), 8, goal="energy")


def test_a_layer_of_groups_is_as_many_layers_of_one():
    window = Window(1, 20, 20, (3, 3), padding=(1, 1))
    groups, single = (
        LayerShape.conv2d("depthwise", window, 1, residual=True, groups=count) for count in (12, 1)
    )
    first = LayerShape("first", 50, 30, 10)
    for room in (memory(600, 9000), memory(1 << 20, 1 << 20)):
        results = [
            schedule(Layers.of(Workload("w", layers)), Sizes.of(CONFIG), room, 5)
            for layers in ((first, groups), (first, *[single] * 12))
        ]
        both = [r.counts.arrays() | {"cycles": r.counts.cycles, "jobs": r.jobs} for r in results]
        for name, array in both[0].items():
            assert array[1] == both[1][name][1:].sum(), name
        for name in ("dram_weights", "read_activations", "read_weights"):
            assert getattr(results[0], name)[1] == getattr(results[1], name)[1:].sum(), name
    small = schedule(Layers.of(Workload("w", (groups,))), Sizes.of(CONFIG), memory(600, 9000), 5)
    alone = schedule(Layers.of(Workload("w", (single,))), Sizes.of(CONFIG), memory(600, 9000), 5)
    assert alone.jobs[0] > 1
    for name in ("dram_inputs", "dram_outputs", "dram_residuals", "jobs"):
        assert getattr(small, name)[0] == 12 * getattr(alone, name)[0], name
    assert Layers.of(Workload("w", (groups,))).macs.tolist() == [groups.macs]
    # Of one group input, output and residual are 1200 bytes
    for room, stays in ((1200, False), (12 * 1200 - 1, False), (12 * 1200, True)):
        pair = Layers.of(Workload("w", (groups, LayerShape("next", 1, 1, 1))))
        result = schedule(pair, Sizes.of(CONFIG), memory(room, 9000), 5)
        assert (result.dram_outputs[0] == 0) == stays


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
