from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import TRAFFIC, analyse
from truncmac.sim.schedule.losses import REASONS
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload

AMPLE = Memory(1 << 30, 1 << 30, 1e15)


def random_workload(rng):
    layers = []
    for index in range(4):
        own = {"bits": int(rng.integers(1, 9)) if rng.random() < 0.3 else None}
        own["raw"] = bool(rng.random() < 0.3)
        if rng.random() < 0.5:
            window = Window(*rng.integers([1, 6, 6], [9, 20, 20]).tolist(), (3, 3), padding=(1, 1))
            groups = int(rng.choice([1, 5]))
            columns = int(rng.integers(1, 40))
            layers.append(LayerShape.conv2d(f"l{index}", window, columns, groups=groups, **own))
        else:
            layers.append(LayerShape(f"l{index}", *rng.integers(1, 90, 3).tolist(), **own))
    return Workload("random", tuple(layers))


def random_platform(rng):
    rows, cols, lanes = rng.choice([1, 2, 3, 8, 16], 3).tolist()
    config = ArrayConfig(rows, cols, lanes, int(rng.choice([1, 2, 4, 8])), 1000)
    memory = Memory(*rng.choice([40_000, 1 << 20], 2).tolist(), float(rng.choice([1e8, 1e10])))
    return Platform("random", config, 1e8, memory)


def test_the_work_and_the_losses_add_up_to_the_cycles():
    rng = np.random.default_rng(0)
    waited = set()
    for _ in range(40):
        found = analyse(
            random_workload(rng),
            random_platform(rng),
            [8, 5, 2, 1],
            images=int(rng.integers(1, 4)),
            goal=str(rng.choice(["time", "traffic"])),
        )
        parts = [found.ideal, *found.lost.values()]
        np.testing.assert_array_equal(sum(parts), found.slots * found.schedule.cycles)
        assert all((part >= 0).all() for part in parts)
        # Streams never pause: nothing else makes the array wait
        for name in ("activations", "weights", "output"):
            assert not getattr(found.schedule.counts, f"stalled_{name}").any()
        for row in (*found.layer_records(), *found.total_records()):
            lost = sum(row[f"lost_{name}"] for name in REASONS)
            assert row["ideal_cycles"] + lost == pytest.approx(row["cycles"], rel=1e-12)
            assert row["dram_bytes"] == sum(row[name] for name in TRAFFIC)
        waited |= {name for name, lost in found.lost.items() if lost.any()}
    assert waited == set(REASONS)


def test_padding_is_what_each_tile_has_too_much():
    rng = np.random.default_rng(1)
    for _ in range(20):
        M, K, N = rng.integers(1, 40, 3).tolist()
        config = ArrayConfig(4, 3, 2, 2, 100)
        found = analyse(
            Workload("w", (LayerShape("l", M, K, N),)), Platform("p", config, 1e8, AMPLE), [5]
        )
        beats, chunks = -(-K // 2), 3
        lost = dict.fromkeys(("rows", "columns", "lanes"), 0)
        for m in range(0, M, 4):
            for n in range(0, N, 3):
                rows, columns = min(4, M - m), min(3, N - n)
                lost["rows"] += (4 - rows) * 3 * 2 * beats * chunks
                lost["columns"] += rows * (3 - columns) * 2 * beats * chunks
                lost["lanes"] += rows * columns * (2 * beats - K) * chunks
        assert {name: int(found.lost[name][0, 0]) for name in lost} == lost


def test_a_layer_of_many_jobs_loses_the_pipeline_in_each():
    config = ArrayConfig(4, 4, 4, 1, 100)
    workload = Workload("w", (LayerShape("l", 64, 100, 64),))
    small = Platform("p", config, 1e8, Memory(3000, 2000, 1e15))
    cut, whole = (
        analyse(workload, platform, [8]).layer_records()[0]
        for platform in (small, replace(small, memory=AMPLE))
    )
    assert cut["jobs"] == cut["row_blocks"] * cut["column_blocks"] > 4
    assert cut["lost_memory"] == whole["lost_memory"] == 0
    assert cut["lost_pipeline"] == cut["jobs"] * whole["lost_pipeline"]
    assert cut["cycles"] == cut["array_cycles"] + 3 * cut["jobs"]
    assert whole["order"] == "one block"
