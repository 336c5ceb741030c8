"""Whole networks on the NPU's Verilog: one write to `start`, then every byte is the reference's."""

from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network
from tests.programs.cycles import differences
from truncmac.descriptors import DESCRIPTOR_BYTES, ProgramFault, Region
from truncmac.golden import (
    Setting,
    builtin_images,
    builtin_network,
    example_images,
    example_network,
)
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.rtl.npu.network import compiled_for_npu, program_run, run_compiled
from truncmac.sim.rtl.npu.pauses import PROMPT, Pauses
from truncmac.sim.rtl.npu.programs import run_programs

SMALL = NpuConfig(array=ArrayConfig(4, 8, 4, 1, 300, 4), depth=256)
DEFAULT = NpuConfig(array=npu_array(max_reduction=1152))
LARGE = NpuConfig(array=npu_array(rows=16, cols=16, max_reduction=1152), bus_width=128)
PAIRS = NpuConfig(array=ArrayConfig(4, 8, 4, 1, 300, 16), depth=256)  # two rows at once
SETTINGS = [Setting(str(k), k) for k in (8, 4, 2, 1)]


@pytest.mark.long
def test_a_program_that_is_wrong_stops_with_a_code_and_writes_nothing(build_root):
    image = np.random.default_rng(1).integers(0, 64, (2, 7, 6)).astype(np.uint8)
    compiled = compile_network(small_network(), SMALL, [Setting("8", 8)])
    whole = program_run(compiled, compiled.entries[0], image)
    faults = []
    for offset, byte, fault, index in (
        (8, 1, ProgramFault.CONFIGURATION, 0),
        (4, 1, ProgramFault.FORMAT, 0),
        (DESCRIPTOR_BYTES * 3, 8, ProgramFault.OPERATION, 3),
    ):
        program = whole.regions[Region.PROGRAM].copy()
        program[whole.entry + offset] = byte
        run = replace(whole, regions={**whole.regions, Region.PROGRAM: program})
        faults.append((run, fault, index))
    runs = [*(run for run, _, _ in faults), whole]
    outcomes = run_programs(runs, SMALL, simulator="icarus", build_root=build_root)
    for (run, fault, index), outcome in zip(faults, outcomes, strict=False):
        assert (outcome.fault, outcome.index, outcome.writes) == (fault, index, 0)
        for region, data in outcome.regions.items():
            assert np.array_equal(data, run.regions[region])
    assert outcomes[-1].ended


@pytest.mark.long
@pytest.mark.parametrize("pauses", [PROMPT, Pauses.everywhere(0.3, seed=2, latency=40)])
def test_every_layer_of_digits_from_one_start_to_the_interrupt(pauses, build_root):
    programs = compiled_for_npu(builtin_network(), SETTINGS, DEFAULT, layers=True)
    images = builtin_images()[0][:2]
    reports = run_compiled(programs, images, pauses=pauses, build_root=build_root)
    check(reports)
    assert reports[0].bytes_read > 3 * reports[-1].bytes_read
    if not pauses.shares:
        counted(programs[0], images, reports, DEFAULT)


@pytest.mark.long
def test_a_k_for_each_layer(build_root):
    mixed = Setting("mixed", {"second": 2, "third": 8, "logits": 2})
    settings = [Setting("8", 8), mixed, Setting("2", 2)]
    programs = compiled_for_npu(small_network(), settings, SMALL, layers=True)
    images = np.random.default_rng(1).integers(0, 64, (2, 2, 7, 6)).astype(np.uint8)
    check(run_compiled(programs, images, simulator="icarus", build_root=build_root))


@pytest.mark.long
@pytest.mark.parametrize("pauses", [PROMPT, Pauses.everywhere(0.3, seed=3, latency=40)])
def test_two_rows_leave_the_array_at_once(pauses, build_root):
    settings = [Setting("8", 8), Setting("2", 2)]
    programs = compiled_for_npu(small_network(), settings, PAIRS, layers=True)
    images = np.random.default_rng(2).integers(0, 64, (2, 2, 7, 6)).astype(np.uint8)
    check(run_compiled(programs, images, pauses=pauses, build_root=build_root))


@pytest.mark.long
def test_every_layer_of_resnet20(build_root):
    network = example_network("resnet20")
    programs = compiled_for_npu(network, SETTINGS, LARGE, layers=True)
    images = example_images("resnet20", 1)
    reports = run_compiled(programs, images, build_root=build_root)
    check(reports)
    counted(programs[0], images, reports, LARGE)


def check(reports):
    """No output differs, no register was written meanwhile, and fewer bits take fewer cycles."""
    for report in reports:
        assert (report.mismatches, report.difference) == (0, None)
        assert all(outcome.writes == 0 for outcome in report.outcomes)
    cycles = [report.cycles for report in reports]
    assert cycles == sorted(set(cycles), reverse=True)


def counted(compiled, images, reports, config):
    """The model counts what the RTL counted, program after program."""
    runs = [program_run(compiled, entry, image) for entry in compiled.entries for image in images]
    outcomes = [outcome for report in reports for outcome in report.outcomes]
    assert len(runs) == len(outcomes)
    assert differences(runs, outcomes, config, PROMPT) == []
