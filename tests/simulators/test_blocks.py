"""The benches of the NPU's blocks on their Verilog, in both simulators."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulators import designs
from tests.simulators.running import run_bench

HERE = Path("tests/hw/npu")
READABLE = Path(__file__).with_name("block.vlt")
TESTS = (
    "test_ahead.py::test_all_descriptors_of_a_program_come_in_order[0.5-64]",
    "test_ahead.py::test_a_wrong_descriptor_is_the_last_and_nobody_is_told",
    "test_beside.py::test_the_next_waits_and_what_is_kept_stays",
    "test_bursts.py::test_random_requests[64]",
    "test_bursts.py::test_random_requests[256]",
    "test_control.py::test_operations_are_done_in_order[0.5-64]",
    "test_control.py::test_a_fault_in_any_cycle_ends_the_program_and_the_next_is_right[write_failed]",
    "test_counters.py::test_events_are_counted_each_for_itself",
    "test_descriptor.py::test_random_operations[5-4x8_l2_p1_k40_q4x18]",
    "test_descriptor.py::test_random_operations[3-1x1_l1_p8_k9_q1x18]",
    "test_fetcher.py::test_random_requests[0.5-128]",
    "test_fetcher.py::test_what_is_outside_reads_nothing[0-599-2-1]",
    "test_fetcher.py::test_what_is_asked_too_early_waits_and_holds_up_nobody",
    "test_im2col.py::test_random_windows_of_all_strides[2-2-True]",
    "test_im2col.py::test_random_windows_of_all_strides[8-4-False]",
    "test_loader.py::test_random_images[4-2-64-0.5]",
    "test_loader.py::test_random_images[2-16-64-0.0]",
    "test_loader.py::test_random_images[8-1-256-0.5]",
    "test_memory.py::test_random_accesses_beside_each_other[1_port]",
    "test_memory.py::test_random_accesses_beside_each_other[4_ports]",
    "test_operands.py::test_random_layers[config0-64-0.6]",
    "test_operands.py::test_random_layers[config4-256-0.0]",
    "test_pixels.py::test_random_windows_of_any_stride[4-2-True]",
    "test_place.py::test_all_layouts[8]",
    "test_pooler.py::test_random_pools[4-2-True]",
    "test_pooler.py::test_random_pools[8-4-False]",
    "test_pooler.py::test_random_pools[16-2-False]",
    "test_post.py::test_random_operations[4-2-mean-0.5]",
    "test_post.py::test_random_operations[2-8-mean-0.0]",
    "test_post.py::test_random_operations[8-1-shortcut-0.5]",
    "test_prefetch.py::test_random_words[2x2_l8_p1_k4608_q1x18-2-5]",
    "test_prefetch.py::test_random_words[4x8_l4_p1_k4608_q1x18-0-0]",
    "test_reader.py::test_random_requests[0.5-2-128]",
    "test_reader.py::test_random_requests[0.0-5-64]",
    "test_reader.py::test_each_bad_answer_is_told_once",
    "test_residuals.py::test_random_outputs[4x8_l2_p1_k4608_q4x18-0.5]",
    "test_residuals.py::test_rows_come_as_fast_as_the_core_takes_them[8x8_l4_p1_k4608_q8x18]",
    "test_results.py::test_random_outputs[4x8_l2_p1_k4608_q4x18-0-0.5]",
    "test_results.py::test_random_outputs[8x2_l8_p1_k4608_q2x18-1-0.0]",
    "test_results.py::test_a_part_is_taken_in_every_cycle[8x8_l8_p1_k4608_q4x18]",
    "test_rows.py::test_random_outputs[4-8-1-None]",
    "test_rows.py::test_random_outputs[8-8-2-None]",
    "test_spiller.py::test_sums_of_any_number[0.5-64]",
    "test_spiller.py::test_only_output_and_scratch_are_written[128]",
    "test_storer.py::test_random_maps[4-2-64-0.5]",
    "test_storer.py::test_random_maps[2-16-64-0.0]",
    "test_tiles.py::test_each_tile_of_each_job_comes_once_and_in_order[stalls1]",
    "test_window.py::test_random_windows_take_a_cycle_a_word[4-2-True]",
    "test_window.py::test_random_windows_take_a_cycle_a_word[8-8-False]",
    "test_window.py::test_random_windows_take_a_cycle_a_word[16-1-True]",
    "test_writer.py::test_random_requests[0.5-64]",
    "test_writer.py::test_each_bad_answer_is_told_once",
)

# Their benches reach inside; whole networks run on both simulators instead (tests/verilog)
INSIDE = {"test_convolver.py"}


@pytest.fixture(scope="session")
def built_designs(tmp_path_factory):
    """A folder with the Verilog of each test's block."""
    folder = tmp_path_factory.mktemp("designs")
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-m", ""]
    command += ["-p", "tests.simulators.designs"]
    environment = os.environ | {"TRUNCMAC_DESIGNS": str(folder)}
    nodes = [f"{HERE}/{name}" for name in TESTS]
    result = subprocess.run(
        [*command, *nodes], env=environment, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout[-2000:]
    return folder


@pytest.mark.long
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
@pytest.mark.parametrize("name", TESTS)
def test_the_block_passes_its_bench(name, simulator, built_designs, monkeypatch):
    monkeypatch.setenv("TRUNCMAC_DESIGNS", str(built_designs))
    monkeypatch.setenv("TRUNCMAC_TEST", str(Path(HERE, name).resolve()))
    design = designs.folder_of(f"{HERE}/{name}")
    folder = design / simulator
    results = run_bench(
        *(simulator, designs.TOP, design / "block.v", READABLE, "tests.simulators.bench", folder)
    )
    assert results == (1, 0), (folder / "run.log").read_text()
    # The test itself has passed, and was not left out
    assert (folder / "outcome.txt").read_text() == "0\n"
    assert re.search(r"^1 passed", (folder / "run.log").read_text(), re.MULTILINE)


def test_every_block_with_a_bench_is_here():
    benches = {
        path.name
        for path in HERE.glob("test_*.py")
        if re.search(r"simulate(_logic)?\(|import .*\brun\b", path.read_text())
    }
    assert benches == {name.partition("::")[0] for name in TESTS} | INSIDE


def test_every_name_is_that_of_a_test():
    command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-m", "", "--collect-only"]
    found = subprocess.run([*command, f"{HERE}"], check=True, capture_output=True, text=True).stdout
    names = {line.rpartition("/")[2] for line in found.splitlines() if "::" in line}
    whole = {name.partition("[")[0] for name in names}
    assert [name for name in TESTS if name not in names | whole] == []
