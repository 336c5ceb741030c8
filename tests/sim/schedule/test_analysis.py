import re
from dataclasses import replace

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import REASONS, TRAFFIC, analyse
from truncmac.sim.schedule.platforms import PLATFORMS, Memory, Platform
from truncmac.sim.schedule.rivals import bound_cycles, convolutions, scale_sim_cycles
from truncmac.sim.workloads.names import workload_by_name
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
        for row in (*found.rows(), *found.totals()):
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


def test_figures_of_a_layer_worked_by_hand():
    """5 x 6 by 6 x 3 on 4 x 4 PEs of 4 lanes at k = 2: 2 tiles of 2 beats of 2 chunks."""
    platform = Platform("p", ArrayConfig(4, 4, 4, 1, 100, 4), 1e6, Memory(1000, 1000, 2e6))
    found = analyse(Workload("w", (LayerShape("l", 5, 6, 3),)), platform, [2])
    row = found.rows()[0]
    assert (row["macs"], row["tiles"]) == (90, 2)
    assert row["ideal_cycles"] == 90 * 2 / 64
    assert row["lost_rows"] == (8 - 5) * 4 * 8 * 2 / 64
    assert row["lost_columns"] == 5 * 1 * 8 * 2 / 64
    assert row["lost_lanes"] == 15 * 2 * 2 / 64
    assert row["lost_drain"] == 0
    # A word of weights is 2 bytes, and 2 beats of 2 chunks; each column takes parameters
    parameters = row["dram_weights"] - 2 * 4
    assert parameters > 0 and parameters % 4 == 0
    assert (row["dram_inputs"], row["dram_outputs"], row["dram_residuals"]) == (30, 15, 0)
    traffic = row["dram_weights"] + 45
    assert row["dram_cycles"] == -(-traffic // 2)
    assert row["cycles"] == max(row["array_cycles"] + 3, row["dram_cycles"])
    assert row["lost_memory"] == row["cycles"] - row["array_cycles"] - 3
    assert row["utilisation"] == pytest.approx(90 * 2 / 64 / row["cycles"])
    assert row["macs_per_s"] == pytest.approx(90e6 / row["cycles"])
    assert row["time_s"] == pytest.approx(row["cycles"] / 1e6)
    assert row["intensity"] == pytest.approx(90 / traffic)
    assert row["ridge"] == 32 / 2  # 64 / 2 MACs a cycle, 2 bytes a cycle
    assert row["bound"] == "memory"
    assert (row["read_weights"], row["read_activations"]) == (2 * 4 * 2, 2 * 2 * 4 * 4)
    fast = analyse(found.workload, replace(platform, memory=AMPLE), [2]).rows()[0]
    assert (fast["bound"], fast["lost_memory"]) == ("compute", 0)
    total = found.totals()[0]
    assert total["images_per_s"] == pytest.approx(1e6 / row["cycles"])
    assert total["bound_cycles"] == 3
    assert total["ideal_speedup"] == total["possible_speedup"] == 4


def test_totals_are_the_sums_of_the_layers():
    found = analyse(workload_by_name("mobilenet-v1"), PLATFORMS["edge"], [8, 3], images=2)
    rows, totals = found.rows(), found.totals()
    sums = [
        *("macs", "tiles", "array_cycles", "cycles", "time_s", "ideal_cycles", "dram_cycles"),
        *(f"lost_{name}" for name in REASONS),
        *TRAFFIC,
        *("dram_bytes", "read_activations", "read_weights", "jobs"),
    ]
    for total in totals:
        layers = [row for row in rows if row["k"] == total["k"]]
        assert len(layers) == len(found.workload.layers)
        for name in sums:
            assert total[name] == pytest.approx(sum(row[name] for row in layers)), name
    assert totals[0]["macs"] == 2 * found.workload.macs
    assert totals[1]["speedup"] == totals[0]["cycles"] / totals[1]["cycles"]
    assert totals[0]["speedup"] == 1


def test_the_bound_is_that_of_the_reference_points():
    workload = workload_by_name("resnet20")
    for config in (ArrayConfig(16, 16, 8, 1), ArrayConfig(8, 4, 3, 2)):
        found = analyse(workload, Platform("p", config, 1e8, AMPLE), range(1, 9))
        bounds = [bound_cycles(workload.layers, config, k) for k in range(1, 9)]
        assert [total["bound_cycles"] for total in found.totals()] == bounds


@pytest.mark.parametrize(
    ("name", "size", "theirs", "least"),
    [
        ("resnet20", 16, 206_817, (0.97, 0.96, 0.74)),
        ("resnet20", 32, 83_423, (0.94, 0.88, 0.60)),
        ("resnet18", 16, 9_131_676, (0.99, 0.99, 0.98)),
        ("resnet18", 32, 2_806_392, (0.99, 0.99, 0.98)),
    ],
)
def test_ours_is_ahead_of_scale_sim_at_equal_throughput_and_follows_k(name, size, theirs, least):
    """Of what layers of a k of their own allow, at k = 4, 2 and 1, at least this share is reached.

    ResNet-20 on 32 x 32 PEs has tiles too short for the drain, and short of work, at k = 1.
    """
    whole = workload_by_name(name)
    workload = replace(whole, layers=convolutions(whole))
    config = ArrayConfig(size, size, 8, 1)
    assert config.peak_macs == size * size
    assert scale_sim_cycles(workload.layers, size, size) == theirs
    found = analyse(workload, Platform("p", config, 1e9, AMPLE), [8, 4, 2, 1])
    totals = found.totals()
    assert totals[0]["array_cycles"] < 0.86 * theirs
    for total, share in zip(totals[1:], least, strict=True):
        scaling = totals[0]["array_cycles"] / total["array_cycles"]
        assert share * total["possible_speedup"] <= scaling
        assert total["possible_speedup"] < total["ideal_speedup"] == 8 / total["k"]


def test_what_does_not_fit_is_named_with_what_it_needs():
    workload = workload_by_name("resnet20")
    edge = PLATFORMS["edge"]
    message = (
        "Layer 'stage3_block1_b' has reduction K = 576; the array is built for K up to 575. "
        "Build it with --max-reduction 576"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        analyse(workload, edge.with_sizes({"max_reduction": 575}), [8])
    for article, name in (("an", "activation"), ("a", "weight")):
        sizes = {"activation_bytes": 1 << 20, "weight_bytes": 1 << 20, f"{name}_bytes": 900}
        small = replace(edge, memory=Memory(**sizes, dram_bytes_per_s=1e9))
        with pytest.raises(ValueError, match=r"^Layer '.*' needs an? ") as refusal:
            analyse(workload, small, [1, 8])
        found = re.fullmatch(
            rf"Layer '(\w+)' needs {article} {name} scratchpad of ([\d,]+) bytes at k = (\d), "
            rf"two halves of its smallest block each; there are 900. Give --{name}-kib (\d+)",
            str(refusal.value),
        )
        assert found is not None, refusal.value
        (layer,) = (layer for layer in workload.layers if layer.name == found[1])
        least = int(found[2].replace(",", ""))
        alone = Workload("alone", (replace(layer, bits=int(found[3])),))
        for lacking in (0, 1):
            room = Memory(**sizes | {f"{name}_bytes": least - lacking}, dram_bytes_per_s=1e9)
            if lacking:
                with pytest.raises(ValueError, match=f"of {found[2]} bytes"):
                    analyse(alone, replace(edge, memory=room), [8])
            else:
                analyse(alone, replace(edge, memory=room), [8])
        assert -(-least // 1024) == int(found[4])


def test_energies_come_from_the_model_that_is_given():
    workload, seen = workload_by_name("digits"), []

    def energy(config, schedule, bits):
        seen.append((config, schedule, bits.shape))
        return schedule.counts.chunks * 2.0

    found = analyse(workload, PLATFORMS["edge"], [4, 1], energy=energy)
    assert seen == [(PLATFORMS["edge"].config, found.schedule, (2, 5))]
    chunks = found.schedule.counts.chunks
    assert [row["energy_pj"] for row in found.rows()] == (2 * chunks).ravel().tolist()
    assert [row["energy_pj"] for row in found.totals()] == (2 * chunks.sum(axis=1)).tolist()
    plain = analyse(workload, PLATFORMS["edge"], [4])
    assert plain.rows()[0]["energy_pj"] is None


def test_a_layer_of_many_jobs_loses_the_pipeline_in_each():
    config = ArrayConfig(4, 4, 4, 1, 100)
    workload = Workload("w", (LayerShape("l", 64, 100, 64),))
    small = Platform("p", config, 1e8, Memory(3000, 2000, 1e15))
    cut, whole = (
        analyse(workload, platform, [8]).rows()[0]
        for platform in (small, replace(small, memory=AMPLE))
    )
    assert cut["jobs"] == cut["row_blocks"] * cut["column_blocks"] > 4
    assert cut["lost_memory"] == whole["lost_memory"] == 0
    assert cut["lost_pipeline"] == cut["jobs"] * whole["lost_pipeline"]
    assert cut["cycles"] == cut["array_cycles"] + 3 * cut["jobs"]
    assert whole["order"] == "one block"


@pytest.mark.parametrize(
    ("memory", "order"), [((3000, 40_000), "weights"), ((20_000, 2000), "activations")]
)
def test_what_is_held_in_larger_blocks_stays(memory, order):
    """The other passes once for each of these blocks: the fewer, the less traffic."""
    workload = Workload("w", (LayerShape("l", 400, 100, 400),))
    platform = Platform("p", ArrayConfig(4, 4, 4, 1, 100), 1e8, Memory(*memory, 1e6))
    row = analyse(workload, platform, [8]).rows()[0]
    assert row["row_blocks"] > 1 and row["column_blocks"] > 1
    assert row["order"] == order
    if order == "weights":
        assert row["dram_inputs"] == row["column_blocks"] * 400 * 100
    else:
        assert row["dram_inputs"] == 400 * 100


def test_images_per_second_count_all_images_of_the_batch():
    workload, platform = workload_by_name("digits"), PLATFORMS["edge"]
    total = analyse(workload, platform, [8], images=5).totals()[0]
    assert total["images_per_s"] == pytest.approx(5 * platform.clock_hz / total["cycles"])


def test_what_speed_ups_are_against_must_fit_too():
    workload = Workload("w", (LayerShape("l", 8, 64, 8),))
    config = ArrayConfig(4, 4, 4, 1, 100)
    platform = Platform("p", config, 1e8, Memory(1 << 20, 200, 1e9))
    with pytest.raises(ValueError, match=r"^Layer 'l' needs a weight scratchpad of .* at k = 8,"):
        analyse(workload, platform, [1])
