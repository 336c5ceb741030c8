from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.schedule.analysis import TRAFFIC, analyse
from truncmac.sim.schedule.losses import REASONS
from truncmac.sim.schedule.platforms import PLATFORMS, Memory, Platform
from truncmac.sim.workloads.names import workload_by_name
from truncmac.sim.workloads.shapes import LayerShape, Workload

AMPLE = Memory(1 << 30, 1 << 30, 1e15)


def test_figures_of_a_layer_worked_by_hand():
    """5 x 6 by 6 x 3 on 4 x 4 PEs of 4 lanes at k = 2: 2 tiles of 2 beats of 2 chunks."""
    platform = Platform("p", ArrayConfig(4, 4, 4, 1, 100, 4), 1e6, Memory(1000, 1000, 2e6))
    found = analyse(Workload("w", (LayerShape("l", 5, 6, 3),)), platform, [2])
    row = found.layer_records()[0]
    assert (row["macs"], row["tiles"]) == (90, 2)
    assert row["ideal_cycles"] == 90 * 2 / 64
    assert row["lost_rows"] == (8 - 5) * 4 * 8 * 2 / 64
    assert row["lost_columns"] == 5 * 1 * 8 * 2 / 64
    assert row["lost_lanes"] == 15 * 2 * 2 / 64
    assert row["lost_drain"] == 0
    # 2 beats of 2 chunks are 4 words of 2 bytes. Each of 4 columns takes parameters of 12 bytes:
    # M 18 bits, Mr 26, s 6, and B 43, for a sum of 100 x 255 x 511 has 24 bits and a sign, and
    # times M 18 more
    assert row["dram_weights"] == 2 * 4 + 4 * 12
    assert (row["dram_inputs"], row["dram_outputs"], row["dram_residuals"]) == (30, 15, 0)
    assert (row["dram_bytes"], row["dram_cycles"]) == (101, 51)  # 2 bytes a cycle
    (counters,) = control_counters(platform.config, [Job(2, 2, 2, 1)])
    assert row["array_cycles"] == counters["cycles"] < 51 - 3  # so the DRAM is waited for
    assert row["cycles"] == 51
    assert row["lost_memory"] == 51 - counters["cycles"] - 3
    assert row["utilisation"] == pytest.approx(90 * 2 / 64 / 51)
    assert row["macs_per_s"] == pytest.approx(90 / 51e-6)
    assert row["time_s"] == pytest.approx(51e-6)
    assert row["intensity"] == pytest.approx(90 / 101)
    assert row["ridge"] == 32 / 2  # 64 / 2 MACs a cycle, 2 bytes a cycle
    assert row["bound"] == "memory"
    assert (row["read_weights"], row["read_activations"]) == (2 * 4 * 2, 2 * 2 * 4 * 4)
    fast = analyse(found.workload, replace(platform, memory=AMPLE), [2]).layer_records()[0]
    assert (fast["bound"], fast["lost_memory"]) == ("compute", 0)
    total = found.total_records()[0]
    assert total["images_per_s"] == pytest.approx(1e6 / 51)
    assert total["bound_cycles"] == 3
    assert total["ideal_speedup"] == total["possible_speedup"] == 4


def test_totals_are_the_sums_of_the_layers():
    found = analyse(workload_by_name("mobilenet-v1"), PLATFORMS["edge"], [8, 3], images=2)
    rows, totals = found.layer_records(), found.total_records()
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


def test_energies_come_from_the_model_that_is_given():
    workload, seen = workload_by_name("digits"), []

    def energy(config, schedule, bits):
        seen.append((config, schedule, bits.shape))
        return schedule.counts.chunks * 2.0

    found = analyse(workload, PLATFORMS["edge"], [4, 1], energy=energy)
    assert seen == [(PLATFORMS["edge"].config, found.schedule, (2, 5))]
    chunks = found.schedule.counts.chunks
    assert [row["energy_pj"] for row in found.layer_records()] == (2 * chunks).ravel().tolist()
    assert [row["energy_pj"] for row in found.total_records()] == (2 * chunks.sum(axis=1)).tolist()
    plain = analyse(workload, PLATFORMS["edge"], [4])
    assert plain.layer_records()[0]["energy_pj"] is None


@pytest.mark.parametrize(
    ("memory", "order"), [((3000, 40_000), "weights"), ((20_000, 2000), "activations")]
)
def test_what_is_held_in_larger_blocks_stays(memory, order):
    """The other passes once for each of these blocks: the fewer, the less traffic."""
    workload = Workload("w", (LayerShape("l", 400, 100, 400),))
    platform = Platform("p", ArrayConfig(4, 4, 4, 1, 100), 1e8, Memory(*memory, 1e6))
    row = analyse(workload, platform, [8]).layer_records()[0]
    assert row["row_blocks"] > 1 and row["column_blocks"] > 1
    assert row["order"] == order
    if order == "weights":
        assert row["dram_inputs"] == row["column_blocks"] * 400 * 100
    else:
        assert row["dram_inputs"] == 400 * 100


def test_images_per_second_count_all_images_of_the_batch():
    workload, platform = workload_by_name("digits"), PLATFORMS["edge"]
    total = analyse(workload, platform, [8], images=5).total_records()[0]
    assert total["images_per_s"] == pytest.approx(5 * platform.clock_hz / total["cycles"])
