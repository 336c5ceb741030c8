"""The analysis of the shipped network against the RTL's counters."""

from tests.support import assert_exact
from truncmac.golden import builtin_images, builtin_network
from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.network import run_network
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.workloads.names import network_workload


def test_each_layers_cycles_and_stalls_are_the_rtls_counters(build_root):
    network, (codes, _) = builtin_network(), builtin_images()
    config = ArrayConfig(4, 4, 4, 1, 300, 2)  # as built for other tests
    reports = run_network(network, codes[:2], network.bit_widths, config, build_root=build_root)
    found = analyse(
        network_workload(network),
        PLATFORMS["edge"].with_config(config),
        network.bit_widths,
        images=2,
    )
    for report in reports:
        assert_exact(report.outcomes, config)
    outcomes = [outcome for report in reports for outcome in report.outcomes]
    rows = found.layer_records()
    assert {row["jobs"] for row in rows} == {1}
    names = {
        "array_cycles": "cycles",
        "tiles": "tiles",
        "lost_drain": "stalled_drain",
        "lost_parameters": "stalled_parameters",
    }
    for row, outcome in zip(rows, outcomes, strict=True):
        assert row["layer"] == outcome.gemm.name
        assert {theirs: row[ours] for ours, theirs in names.items()} == {
            name: outcome.counters[name] for name in names.values()
        }
        assert row["macs"] == outcome.gemm.macs
        assert row["lost_pipeline"] == outcome.cycles - outcome.counters["busy"] + 3
    assert [total["array_cycles"] for total in found.total_records()] == [r.cycles for r in reports]
