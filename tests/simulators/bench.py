"""The cocotb side: a test of a block, whose bench plays on the simulator that runs this."""

import os
from pathlib import Path

import cocotb
import pytest
from cocotb.task import bridge, resume
from cocotb.triggers import Timer

import tests.support
from tests.simulators.context import Ports, play

RESULT = Path("outcome.txt")
UNDEFINED = "XUZW-"  # is read as ones, so that a bench that takes it for data or a flag fails


class Access:
    """Ports of the simulator, for a thread beside it. What is written is there after `settle`."""

    def __init__(self, dut):
        self.dut = dut
        self.pending = {}

    def write(self, port, value, width):
        self.pending[port] = value & ((1 << width) - 1)

    def read(self, port):
        bits = str(getattr(self.dut, port).value)
        return int("".join("1" if bit in UNDEFINED else bit for bit in bits), 2)

    def settle(self):
        _settle(self)

    def edge(self):
        _edge(self)


@resume
async def _settle(access):
    await settled(access)


@resume
async def _edge(access):
    await settled(access)
    if hasattr(access.dut, "clk"):
        access.dut.clk.value = 1
        await Timer(1, "ns")
        access.dut.clk.value = 0
        await Timer(1, "ns")


async def settled(access):
    for port, value in access.pending.items():
        handle = getattr(access.dut, port, None)
        if handle is not None and len(handle):
            handle.value = value
    access.pending.clear()
    await Timer(1, "ns")


@cocotb.test()
async def run(dut):
    """Run the test that the environment names; its simulator is this one."""
    if hasattr(dut, "clk"):
        dut.clk.value = 0
        dut.rst.value = 0

    def simulate(component, *testbenches, background=(), cycles=10_000, vcd=None):
        play(Ports(component, Access(dut)), testbenches, background, cycles)

    tests.support.simulate = simulate
    tests.support.simulate_logic = simulate
    code = await bridge(pytest.main)(
        [
            "-q",
            "-x",
            "-m",
            "",
            "-p",
            "no:cacheprovider",
            "--noconftest",
            os.environ["TRUNCMAC_TEST"],
        ]
    )
    RESULT.write_text(f"{int(code)}\n")
    assert code == 0
