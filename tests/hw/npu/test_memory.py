"""Banks keep what is written; each does one thing in a cycle."""

from collections import Counter

import numpy as np
import pytest

from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.memory import ActivationMemory, port_names
from truncmac.hw.verilog import hierarchical_verilog

LANES, ROWS, GROUPS, DEPTH = 2, 4, 3, 16
CONFIGS = [
    NpuConfig(array=ArrayConfig(ROWS, 8, LANES, 1, 100, units), groups=GROUPS, depth=DEPTH)
    for units in (2, 8)
]


class Model:
    """What the banks hold, and who is served in a cycle, by definition."""

    def __init__(self, rng):
        self.rng = rng
        self.held = rng.integers(0, 256, (GROUPS, ROWS, DEPTH, LANES)).astype(np.uint8)

    def word(self, place):
        return int.from_bytes(self.held[place].tobytes(), "little")

    def place(self, *, apart=None):
        """A random word; not of group `apart`."""
        group = int(self.rng.choice([g for g in range(GROUPS) if g != apart]))
        return group, int(self.rng.integers(ROWS)), int(self.rng.integers(DEPTH))

    def write(self, place, mask, codes):
        for lane in range(LANES):
            if mask >> lane & 1:
                self.held[place][lane] = codes[lane]


@pytest.mark.parametrize("config", CONFIGS, ids=["1_port", "4_ports"])
def test_random_accesses_beside_each_other(config):
    rng, dut = np.random.default_rng(5), ActivationMemory(config)
    model, counts = Model(rng), Counter()
    first, *others = edge_reads = port_names(config.array, "read")
    writes = port_names(config.array, "write")
    readers, writers, waiting = (*edge_reads, "stored"), (*writes, "load"), (*others, *writes)
    assert len(edge_reads) == len(writes) == (4 if config is CONFIGS[1] else 1)

    def give(ctx, name, place):
        names = ("group", "bank", "address")
        ctx.set(getattr(dut, f"{name}_place"), dict(zip(names, place, strict=True)))

    async def fill(ctx):
        for place in np.ndindex(GROUPS, ROWS, DEPTH):
            give(ctx, "write", place)
            ctx.set(dut.write, (1 << LANES) - 1)
            ctx.set(dut.write_given, model.word(place))
            assert ctx.get(dut.write_ready)
            await ctx.tick()

    async def testbench(ctx):
        await fill(ctx)
        expected = {}  # what each reader is to see until it reads again
        for _ in range(400):
            windows, needed = int(rng.integers(GROUPS)), int(rng.integers(2))
            reads = int(rng.integers(0, 1 << ROWS)) if needed else 0
            addresses = rng.integers(0, DEPTH, ROWS)
            ctx.set(dut.window_group, windows)
            ctx.set(dut.windows_needed, needed)
            ctx.set(dut.window_read, reads)
            ctx.set(dut.window_addresses, sum(int(a) << 16 * i for i, a in enumerate(addresses)))
            served = {(windows, row) for row in range(ROWS) if reads >> row & 1}
            seen = {row: model.word((windows, row, addresses[row])) for _, row in served}
            changes = []
            for name in (*edge_reads, *writes, "stored", "load"):
                place = model.place(apart=windows if name == first else None)
                asks = int(rng.integers(0, 2 if name in readers else 1 << LANES))
                ctx.set(getattr(dut, name), asks)
                give(ctx, name, place)
                free = place[:2] not in served
                if name == "stored":
                    free &= not (needed and place[0] == windows)
                if name in writers:
                    codes = rng.integers(0, 256, LANES)
                    ctx.set(
                        getattr(dut, f"{name}_given"),
                        sum(int(c) << 8 * i for i, c in enumerate(codes)),
                    )
                    changes.append((place, asks if free else 0, codes))
                if name != first:
                    assert ctx.get(getattr(dut, f"{name}_ready")) == free, name
                if asks and free:
                    served.add(place[:2])
                    if name in readers:
                        expected[name] = model.word(place)
                counts[name, bool(asks), free] += 1
            await ctx.tick()
            for change in changes:
                model.write(*change)
            found = ctx.get(dut.window_answers)
            for row, word in seen.items():
                assert found >> 8 * LANES * row & ((1 << 8 * LANES) - 1) == word
            for name, word in expected.items():
                assert ctx.get(getattr(dut, f"{name}_answer")) == word, name

    simulate(dut, testbench, cycles=2000)
    for name in (*waiting, "stored", "load"):
        assert min(counts[name, True, free] for free in (True, False)) > 10


def test_a_bank_is_one_module():
    text = hierarchical_verilog(ActivationMemory(CONFIGS[0]), "top")
    assert text.count("module truncmac_bank(") == 1
    assert text.count("truncmac_bank group_") == GROUPS * ROWS


@pytest.mark.parametrize(
    ("units", "lanes", "count"),
    [(2, 4, 1), (8, 8, 1), (8, 2, 4), (16, 16, 2), (16, 8, 2), (16, 2, 8)],
)
def test_there_is_a_port_for_each_word_of_a_part_and_one_for_each_row_at_least(units, lanes, count):
    array = ArrayConfig(4, 8, lanes, 1, requantisers=units)
    names = port_names(array, "write")
    assert names == ("write", *(f"write_{number}" for number in range(1, count)))
