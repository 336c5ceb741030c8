import numpy as np
import pytest

from tests.sim.schedule.made import CONFIG, memory, random_workload
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload


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


def test_what_streams_past_is_loaded_again_and_what_stays_once():
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
