"""Areas of parts: of small cores, mapped to a library whose areas can be added by hand."""

import re
from dataclasses import replace

import pytest

from benchmarks.drain.parts import Held, ParameterMemory, Parts, Queue, Synthesis
from tests.sim.netlist.tiny import tiny_library
from tests.support import get, put, simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.requantiser import parameters_layout
from truncmac.sim.netlist.mapping import MappingOptions

SMALL = ArrayConfig(2, 2, 2, 1, max_reduction=4, requantisers=1, multiplier_bits=2)
FLIP_FLOP, GATE = 6.0, 4.0
MODULES = {
    "truncmac_core": 1e7,
    "truncmac_core.array": 1e8,
    "truncmac_core.edge": 1.0,
    "truncmac_core.edge.endings": 10.0,
    "truncmac_output_unit": 100.0 + 1e4,
    "truncmac_output_unit.requantiser": 1e3,
    "truncmac_core.results$104": 1e5,
    "truncmac_core.residuals": 1e6,
}


@pytest.fixture(scope="module")
def synthesis(tmp_path_factory):
    cache = tmp_path_factory.mktemp("netlists")
    return Synthesis(tiny_library(cache), MappingOptions(3000.0), cache)


@pytest.fixture
def asked():
    """Parts that are not synthesised: all are as large, the core's are as `MODULES` says."""
    seen = []

    class Noted:
        def areas(self, verilog, top):
            seen.append(verilog)
            return MODULES if top == "truncmac_core" else {"part": 7.0}

    return Parts(replace(SMALL, requantisers=2), Noted()), seen


def test_a_second_copy_is_a_gated_register_for_each_sum(synthesis):
    found = Parts(SMALL, synthesis).copy
    registers = 4 * SMALL.dot_width + 2 * SMALL.row_sum_width
    assert found == registers * FLIP_FLOP + (4 + 2) * GATE


def test_a_queue_has_a_word_of_all_sums_for_each_row(synthesis):
    own = Parts(SMALL, synthesis)
    word = (2 * SMALL.dot_width + SMALL.row_sum_width) * FLIP_FLOP
    assert 2 * word < own.queue(4) - own.queue(2) < 4 * word


def test_a_memory_has_two_sets_of_parameters_for_each_column(synthesis):
    bits = 2 * SMALL.share * parameters_layout(SMALL).size
    assert bits * FLIP_FLOP < Parts(SMALL, synthesis).memory < 3 * bits * FLIP_FLOP


def test_parts_of_the_core_are_those_of_its_netlist(asked):
    own, seen = asked
    assert own.core == 111_111_111.0
    assert own.edge == 11_111.0
    assert own.buffers == 1_100_000.0
    assert own.requantiser == 1_000.0 / 2
    assert len(seen) == 1
    for name in MODULES:
        assert re.search(
            rf"^module \\?{re.escape(name.partition('$')[0])}\b", seen[0], re.MULTILINE
        )


def test_copies_are_of_all_pes_and_rows(asked):
    own, seen = asked
    assert own.copy == (4 + 2) * 7.0
    assert len(seen) == 2


def test_the_memory_keeps_what_is_written():
    dut = ParameterMemory(SMALL)

    async def bench(ctx):
        for address in range(2 * SMALL.share):
            ctx.set(dut.write, 1)
            ctx.set(dut.write_address, address)
            ctx.set(dut.parameters, 5 + address)
            await ctx.tick()
        ctx.set(dut.write, 0)
        ctx.set(dut.parameters, 0)
        await ctx.tick()
        for address in range(2 * SMALL.share):
            ctx.set(dut.read_address, address)
            assert ctx.get(dut.read) == 5 + address

    simulate(dut, bench)


def test_held_sums_change_when_they_are_captured():
    dut = Held(8)

    async def bench(ctx):
        for capture, sums, held in ((1, 7, 7), (0, 9, 7), (1, 9, 9)):
            ctx.set(dut.capture, capture)
            ctx.set(dut.sums, sums)
            await ctx.tick()
            assert ctx.get(dut.held) == held

    simulate(dut, bench)


def test_a_queue_gives_words_in_order():
    dut, given = Queue(8, 3), [3, 1, 2, 5, 4]
    taken = []

    async def write(ctx):
        for value in given:
            await put(ctx, dut.i, value)

    async def read(ctx):
        taken.extend([await get(ctx, dut.o) for _ in given])

    simulate(dut, write, read)
    assert taken == given
