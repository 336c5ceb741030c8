import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.schedule.blocks import MemoryArrays
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.names import workload_by_name


def test_each_entry_is_what_the_schedule_says(table):
    for index in range(0, len(table["point"]), 7):
        row = {name: column[index].item() for name, column in table.items()}
        config = ArrayConfig(
            *(row[name] for name in ("rows", "cols", "lanes", "planes")), 576, row["requantisers"]
        )
        memory = MemoryArrays(
            activation_bytes=np.array(row["activation_kib"] * 1024),
            weight_bytes=np.array(row["weight_kib"] * 1024),
            dram_bytes_per_cycle=np.array(row["dram_gb_s"] * 1e9 / (row["clock_mhz"] * 1e6)),
        )
        layers = Layers.of(workload_by_name(row["workload"]), images=2)
        found = schedule(layers, Sizes.of(config), memory, row["bits"])
        assert row["fits"] == bool(found.fits.all())
        if not row["fits"]:
            assert not row["feasible"]
            continue
        cycles = int(found.cycles.sum())
        assert row["cycles"] == cycles
        assert row["array_cycles"] == int(found.counts.cycles.sum())
        assert row["dram_bytes"] == int(found.dram_bytes.sum())
        assert row["latency_ms"] == pytest.approx(cycles / 50e6 * 1e3)
        assert row["images_per_s"] == pytest.approx(2 * 50e6 / cycles)
        steps = layers.macs * -(-layers.bits(row["bits"]) // row["planes"])
        multipliers = row["rows"] * row["cols"] * row["lanes"]
        assert row["utilisation"] == pytest.approx(steps.sum() / multipliers / cycles)
        assert row["peak_macs"] == config.peak_macs
        assert row["feasible"] == (row["pes"] <= 24 and row["bits"] >= 2)
    assert table["fits"].any() and not table["fits"].all()
