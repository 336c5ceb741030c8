"""Banks keep what is written; each does one thing in a cycle."""

import numpy as np

from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.memory import ActivationMemory, Bank
from truncmac.hw.verilog import hierarchical_verilog

LANES, ROWS, GROUPS, DEPTH = 2, 4, 3, 16
CONFIG = NpuConfig(array=ArrayConfig(ROWS, 8, LANES, 1, 100), groups=GROUPS, depth=DEPTH)


def test_a_bank_writes_some_codes_and_holds_what_it_read():
    dut = Bank(2, 8)

    async def testbench(ctx):
        async def access(address, write=0, given=0):
            for port, value in (("address", address), ("write", write), ("given", given)):
                ctx.set(getattr(dut, port), value)
            ctx.set(dut.enable, 1)
            await ctx.tick()
            ctx.set(dut.enable, 0)

        await access(3, 0b11, 0x1234)
        await access(3, 0b10, 0x5678)
        await access(3)
        assert ctx.get(dut.answer) == 0x5634
        await access(5, 0b11, 0xFFFF)
        await ctx.tick()
        assert ctx.get(dut.answer) == 0x5634

    simulate(dut, testbench)


def test_random_accesses_beside_each_other():
    rng, dut = np.random.default_rng(5), ActivationMemory(CONFIG)
    held = np.zeros((GROUPS, ROWS, DEPTH, LANES), np.uint8)
    counts = {"written": 0, "waited": 0}

    def word(codes):
        return int.from_bytes(codes.astype(np.uint8).tobytes(), "little")

    async def testbench(ctx):
        for group, row, address in np.ndindex(GROUPS, ROWS, DEPTH):
            codes = rng.integers(0, 256, LANES)
            held[group, row, address] = codes
            place = {"group": group, "bank": row, "address": address}
            ctx.set(dut.write_place, place)
            ctx.set(dut.write, 3)
            ctx.set(dut.write_given, word(codes))
            assert ctx.get(dut.write_ready)
            await ctx.tick()
        for _ in range(600):
            groups = rng.permutation(GROUPS)
            reads = int(rng.integers(0, 1 << ROWS))
            addresses = rng.integers(0, DEPTH, ROWS)
            ctx.set(dut.window_group, int(groups[0]))
            ctx.set(dut.window_read, reads)
            ctx.set(dut.window_addresses, sum(int(a) << 16 * i for i, a in enumerate(addresses)))
            one, other = (
                {
                    "group": int(g),
                    "bank": int(rng.integers(ROWS)),
                    "address": int(rng.integers(DEPTH)),
                }
                for g in (groups[1], rng.integers(GROUPS))
            )
            ctx.set(dut.read, 1)
            ctx.set(dut.read_place, one)
            mask, codes = int(rng.integers(0, 4)), rng.integers(0, 256, LANES)
            ctx.set(dut.write, mask)
            ctx.set(dut.write_place, other)
            ctx.set(dut.write_given, word(codes))
            at = (other["group"], other["bank"])
            busy = at == (one["group"], one["bank"])
            busy |= at[0] == groups[0] and reads >> at[1] & 1
            assert ctx.get(dut.write_ready) == (not busy)
            answers = {row: word(held[groups[0], row, addresses[row]]) for row in range(ROWS)}
            answer = word(held[one["group"], one["bank"], one["address"]])
            if not busy:
                for lane in range(LANES):
                    if mask >> lane & 1:
                        held[*at, other["address"], lane] = codes[lane]
            counts["waited" if busy else "written"] += 1
            await ctx.tick()
            found = ctx.get(dut.window_answers)
            for row, expected in answers.items():
                if reads >> row & 1:
                    assert found >> 16 * row & 0xFFFF == expected
            assert ctx.get(dut.read_answer) == answer

    simulate(dut, testbench, cycles=2000)
    assert min(counts.values()) > 100


def test_a_bank_is_one_module():
    text = hierarchical_verilog(ActivationMemory(CONFIG), "top")
    assert text.count("module truncmac_bank(") == 1
    assert text.count("truncmac_bank group_") == GROUPS * ROWS
