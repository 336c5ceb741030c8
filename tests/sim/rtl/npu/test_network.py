"""Networks on a small NPU: digits of its own size, with and without each layer's codes."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.descriptors import Region
from truncmac.golden import Setting
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.rtl.npu import network as npu_network
from truncmac.sim.rtl.npu.network import compiled_for_npu, run_compiled
from truncmac.sim.rtl.simulator import SimulationError

CONFIG = NpuConfig(array=ArrayConfig(4, 8, 4, 1, 300, 4), depth=256)
SETTINGS = [Setting("8", 8), Setting("2", 2)]


@pytest.fixture(scope="module")
def programs():
    return compiled_for_npu(small_network(), SETTINGS, CONFIG, layers=True)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 64, (2, 2, 7, 6)).astype(np.uint8)


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.long)])
def test_every_layer_equals_golden(programs, images, count, build_root):
    told, images = [], images[:count]
    reports = run_compiled(
        programs,
        images,
        simulator="icarus",
        build_root=build_root,
        on_build=told.append,
        on_progress=told.append,
    )
    assert told[0] == told[-1] == 4 * count  # images, two settings, with maps kept and without
    layers = small_network().layers
    assert [report.setting.name for report in reports] == ["8", "2"]
    for report in reports:
        assert report.mismatches == 0 and report.difference is None
        assert len(report.outcomes) == len(images)
        assert report.outputs > 2 * len(images) * len(layers)
        assert all(not len(o.regions[Region.SCRATCH]) for o in report.outcomes)
    assert reports[1].cycles < reports[0].cycles
    assert reports[1].bytes_read < reports[0].bytes_read


def played(monkeypatch, programs, images, change):
    """Reports of runs that the reference plays, after `change` to each outcome."""
    from truncmac.golden import interpret
    from truncmac.sim.npu.planning import machine_of
    from truncmac.sim.rtl.npu.runs import WRITTEN, ProgramOutcome

    def run_programs(runs, config, **options):
        outcomes = []
        for index, run in enumerate(runs):
            after = {region: data.copy() for region, data in run.regions.items()}
            interpret(machine_of(config), after, entry=run.entry)
            outcome = ProgramOutcome(
                status={"busy": 0, "done": 1, "refused": 0, "fault": 0},
                **{"index": 9, "cycles": 100 - index, "counters": {}, "waited": 101, "writes": 0},
                **{"bytes_read": 7, "bytes_written": 8, "strays": 0},
                regions={region: after[region] for region in WRITTEN},
                bases=dict.fromkeys(Region, 0),
            )
            outcomes.append(change(index, outcome))
        return outcomes

    monkeypatch.setattr(npu_network, "run_programs", run_programs)
    return run_compiled(programs, images)


def test_the_first_layer_that_differs_is_named(monkeypatch, programs, images):
    kept = programs[1].kept
    names = [layer.name for layer in small_network().layers if layer.name in kept]
    high, wide, channels = kept[names[1]].shape

    def change(index, outcome):
        if index == 5:  # with maps kept, k = 8, the second image
            codes = outcome.regions[Region.SCRATCH]
            at = kept[names[1]].offset + (wide * 1 + 2) * channels + 3  # y 1, x 2, channel 3
            codes[at] ^= 1
            codes[kept[names[-1]].offset] ^= 1
        return outcome

    reports = played(monkeypatch, programs, images, change)
    assert [report.mismatches for report in reports] == [2, 0]
    found = reports[0].difference
    assert found["golden"] ^ found["rtl"] == 1
    assert {key: found[key] for key in ("layer", "image", "channel", "y", "x", "mismatches")} == {
        **{"layer": names[1], "image": 1, "channel": 3, "y": 1, "x": 2, "mismatches": 1},
    }
    assert high > 1
    assert reports[0].cycles == 100 and reports[1].cycles == 98


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"status": {"busy": 0, "done": 1, "refused": 0, "fault": 8}},
            "The program for k = 2 did not run to its end: descriptor 9, address, status ",
        ),
        ({"strays": 3}, "The program for k = 2 touched memory outside its regions 3 times"),
    ],
)
def test_a_program_that_does_not_end_is_an_error(monkeypatch, programs, images, change, message):
    with pytest.raises(SimulationError, match=f"^{re.escape(message)}"):
        played(
            monkeypatch,
            programs[:1],
            images,
            lambda index, outcome: replace(outcome, **change) if index == 2 else outcome,
        )
