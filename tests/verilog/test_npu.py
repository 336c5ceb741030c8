"""Whole networks on the NPU's Verilog: one write to `start`, then every byte is the reference's."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.descriptors import ProgramFault, Region
from truncmac.golden import Setting, builtin_images, builtin_network, execute, interpret
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.hw.npu.verilog import npu_verilog
from truncmac.sim.npu.compiler import compile_network, machine_of
from truncmac.sim.tools import simulator_environment

BASES = (0, 0x80000, 0x90000, 0xA0000)
SIZE = 1 << 20
BENCH = Path(__file__).with_name("npu_bench.v")
SMALL = NpuConfig(array=ArrayConfig(4, 8, 4, 1, 300, 4), depth=256)
DEFAULT = NpuConfig(array=npu_array(max_reduction=1152))


def built(config, folder):
    """A simulator of the NPU beside a memory."""
    (folder / "npu.v").write_text(npu_verilog(config))
    command = ["verilator", "--binary", "--timing", "-O3"]
    command += ["-Wno-fatal", "-Wno-lint", "--top", "npu_bench"]
    command += [BENCH, "npu.v", "--Mdir", "obj", "-j", "2"]
    environment = os.environ | dict(simulator_environment("verilator"))
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "obj" / "Vnpu_bench"


def words(values, digits):
    return "".join(f"{value:0{digits}x}\n" for value in values)


def run(program, compiled, entry, image, folder, patches=None):
    """Run a program once: status, index and cycles, and the bytes of output and scratch."""
    memory = np.zeros(SIZE, np.uint8)
    data = bytearray(compiled.program)
    for offset, byte in (patches or {}).items():
        data[offset] = byte
    memory[: len(data)] = np.frombuffer(bytes(data), np.uint8)
    memory[BASES[1] :][: compiled.input_bytes] = compiled.input_of(image)
    sizes = [len(data), compiled.input_bytes, compiled.output_bytes, compiled.scratch_bytes]
    settings = [part for pair in zip(BASES, sizes, strict=True) for part in pair]
    (folder / "mem.hex").write_text(words(memory, 2))
    (folder / "cfg.hex").write_text(words([*settings, entry.offset, *[0] * 7], 8))
    result = subprocess.run([program], cwd=folder, check=True, capture_output=True, text=True)
    told = dict(line.split() for line in result.stdout.splitlines() if len(line.split()) == 2)
    left = np.array([int(line, 16) for line in (folder / "out.hex").read_text().split()], np.uint8)
    return int(told["status"], 16), int(told["index"]), int(told["cycles"]), left


def check(network, image, config, bits, folder):
    program = built(config, folder)
    settings = [Setting(str(k), k) for k in bits]
    compiled = compile_network(network, config, settings, keep=True)
    cycles = []
    for entry, k in zip(compiled.entries, bits, strict=True):
        status, _, count, left = run(program, compiled, entry, image, folder)
        assert status == 0b10  # done, and nothing else
        regions = {
            Region.PROGRAM: np.frombuffer(compiled.program, np.uint8),
            Region.INPUT: compiled.input_of(image),
            Region.OUTPUT: np.zeros(compiled.output_bytes, np.uint8),
            Region.SCRATCH: np.zeros(compiled.scratch_bytes, np.uint8),
        }
        interpret(machine_of(config), regions, entry=entry.offset)
        expected = np.concatenate([regions[Region.OUTPUT], regions[Region.SCRATCH]])
        assert np.array_equal(left, expected)
        logits = compiled.output_of(entry, left)
        assert np.array_equal(logits, execute(network, image[None], k).logits[0])
        cycles.append(count)
    assert cycles == sorted(cycles, reverse=True)
    return program, compiled


@pytest.mark.long
def test_a_small_network_and_faults(tmp_path):
    network = small_network()
    image = np.random.default_rng(1).integers(0, 64, (2, 7, 6)).astype(np.uint8)
    # Its third layer has strides of 2 and 1, and its maps the layouts of that
    program, compiled = check(network, image, SMALL, (8, 2), tmp_path)
    entry = compiled.entries[0]
    for patches, fault, index in (
        ({entry.offset + 8: 1}, ProgramFault.CONFIGURATION, 0),
        ({entry.offset + 4: 1}, ProgramFault.FORMAT, 0),
        ({entry.offset + 64 * 3: 8}, ProgramFault.OPERATION, 3),
    ):
        status, at, _, left = run(program, compiled, entry, image, tmp_path, patches=patches)
        assert (status, at) == (0b10 | fault << 8, index)
        assert not left[: compiled.output_bytes].any()


@pytest.mark.long
def test_digits_from_start_to_interrupt(tmp_path):
    image = builtin_images()[0][0]
    check(builtin_network(), image, DEFAULT, (8, 4, 2, 1), tmp_path)
