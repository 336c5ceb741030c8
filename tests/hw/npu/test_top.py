"""A program from start to interrupt over the bus alone: right, faulty, and right again after it."""

import numpy as np
import pytest

from tests.hw.npu.system import (
    ADDRESSES,
    BASES,
    CONFIG,
    DONE,
    IRQ_ENABLE,
    REFUSED,
    START,
    System,
    small_program,
)
from truncmac.descriptors import ProgramFault, Region
from truncmac.hw.npu.registers import MAP_VERSION

SLVERR, DECERR = 2, 3
WRITTEN = (Region.OUTPUT, Region.SCRATCH)
END = 7  # index of the program's last descriptor
RIGHT = (DONE, ProgramFault.NONE, END)


@pytest.fixture(scope="module")
def made():
    return small_program()


def check(system, after):
    for region in WRITTEN:
        assert np.array_equal(system.region(region), after[region]), region


def test_a_program_runs_twice_and_a_start_while_busy_is_refused(made):
    before, after, used = made
    system = System(used)

    async def testbench(ctx):
        system.fill(before)
        assert await system.run(ctx) == RIGHT
        check(system, after)
        cycles = await system.take(ctx, ADDRESSES["cycles"])
        assert 200 < cycles < 2000
        waits, residuals, convolving = [
            await system.take(ctx, ADDRESSES[f"count_{name}"])
            for name in ("waiting_results", "waiting_residuals", "convolving")
        ]
        assert 0 < waits < convolving  # of the sums; nothing is added
        assert residuals == 0
        system.fill(before)
        # Without the interrupt
        await system.put(ctx, ADDRESSES["control"], START)
        await system.cycle(ctx, 50)
        assert (await system.status(ctx))[:2] == (1, 0)
        await system.put(ctx, ADDRESSES["control"], START)
        while (await system.status(ctx))[0] & 1:
            assert not ctx.get(system.dut.irq)
        assert await system.status(ctx) == (DONE | REFUSED, ProgramFault.NONE, END)
        check(system, after)
        await system.put(ctx, ADDRESSES["status"], REFUSED)
        assert (await system.status(ctx))[0] == DONE
        assert not ctx.get(system.dut.irq)
        await system.put(ctx, ADDRESSES["control"], IRQ_ENABLE)
        assert ctx.get(system.dut.irq)
        await system.put(ctx, ADDRESSES["status"], DONE)
        assert (await system.status(ctx))[0] == 0
        assert not ctx.get(system.dut.irq)

    system.play(testbench)


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("read", (6,)),  # weights
        pytest.param("write", (3, -1), marks=pytest.mark.long),  # of a STORE, and the last sum
        pytest.param("read", range(16), marks=pytest.mark.long),
        pytest.param("write", range(0, 34, 3), marks=pytest.mark.long),
    ],
)
def test_every_bad_answer_ends_its_program_and_the_next_is_right(made, kind, numbers):
    before, after, used = made
    system = System(used, seed=1)
    code = ProgramFault.READ if kind == "read" else ProgramFault.WRITE
    indices = []

    async def testbench(ctx):
        system.fill(before)
        assert await system.run(ctx) == RIGHT
        count = system.reads if kind == "read" else system.writes
        for number in numbers:
            number = number % count
            system.errors = {(kind, number): (SLVERR, DECERR)[number % 2]}
            system.fill(before)
            flags, fault, index = await system.run(ctx)
            assert (flags, fault) == (DONE, code)
            assert index <= END
            assert not system.reading and not system.writing and not system.answers
            indices.append(index)
            system.errors = {}
            assert await system.run(ctx) == RIGHT
            check(system, after)

    system.play(testbench, cycles=60_000)
    assert indices == sorted(indices)
    if kind == "write":
        assert set(indices) <= {3, 5, 6}
        assert set(indices) >= {5, 6} or len(numbers) > 2
    elif len(numbers) == 16:
        # END is read while the operation before it is done
        assert set(indices) == set(range(END))


OUTSIDE = [(Region.PROGRAM, 2), (Region.INPUT, 1), (Region.OUTPUT, 0), (Region.SCRATCH, 0)]
WRONG = [
    (0, 2, ProgramFault.FORMAT),
    (3, 8, ProgramFault.OPERATION),
    (END, 0, ProgramFault.OPERATION),
]


@pytest.mark.parametrize(
    ("outside", "wrong"),
    [(OUTSIDE[1:3], WRONG[1:2]), pytest.param(OUTSIDE, WRONG, marks=pytest.mark.long)],
    ids=["some", "all"],
)
def test_places_outside_and_wrong_descriptors_write_nothing_there(made, outside, wrong):
    before, after, used = made
    system = System(used, seed=2)

    async def testbench(ctx):
        for region, index in outside:
            # BEGIN does not say that so much is needed
            data = before[Region.PROGRAM].copy()
            data[16 + 4 * region :][:4] = 0
            system.fill(before | {Region.PROGRAM: data})
            system.sizes = used | {region: used[region] - 1}
            if region == Region.PROGRAM:
                system.sizes[region] = used[region] - 40
            await system.reset(ctx)
            flags, fault, at = await system.run(ctx)
            assert (flags, fault) == (DONE, ProgramFault.ADDRESS)
            assert at == {Region.OUTPUT: 6, Region.SCRATCH: 3}.get(region, index)
        system.sizes = used
        await system.reset(ctx)
        for index, number, fault in wrong:
            data = before[Region.PROGRAM].copy()
            data[64 * index] = number
            system.fill(before | {Region.PROGRAM: data})
            assert await system.run(ctx) == (DONE, fault, index)
        system.fill(before)
        assert await system.run(ctx) == RIGHT
        check(system, after)

    system.play(testbench)


@pytest.mark.parametrize("more", [1, 31])
def test_what_of_bases_and_entry_no_beat_divides_is_ignored(made, more):
    before, after, used = made
    system = System(used)
    system.fill(before)

    async def testbench(ctx):
        for region in Region:
            await system.put(ctx, ADDRESSES[f"{region.name.lower()}_base"], BASES[region] + more)
        await system.put(ctx, ADDRESSES["entry"], more)
        assert await system.run(ctx) == (DONE, ProgramFault.NONE, END)
        for region in WRITTEN:
            assert np.array_equal(system.region(region), after[region])

    system.play(testbench)


@pytest.mark.parametrize(
    "after_cycles",
    [(310,), pytest.param((3, 10, 40, 150, 260, 400, 480, 600), marks=pytest.mark.long)],
)
def test_after_a_reset_in_mid_program_all_is_right(made, after_cycles):
    before, after, used = made
    system = System(used, seed=3)

    async def testbench(ctx):
        system.fill(before)
        for cycles in after_cycles:
            await system.put(ctx, ADDRESSES["control"], START)
            await system.cycle(ctx, cycles)
            await system.reset(ctx)
            assert await system.status(ctx) == (0, ProgramFault.NONE, 0)
            assert await system.run(ctx) == RIGHT
            check(system, after)
            system.fill(before)

    system.play(testbench)


def test_registers_are_as_the_map_says(made):
    _, _, used = made
    system = System(used)

    async def testbench(ctx):
        for name, value in (("version", MAP_VERSION), ("configuration", CONFIG.configuration)):
            await system.put(ctx, ADDRESSES[name], 0)
            assert await system.take(ctx, ADDRESSES[name]) == value
        for region in Region:
            name = region.name.lower()
            assert await system.take(ctx, ADDRESSES[f"{name}_base"]) == BASES[region]
            assert await system.take(ctx, ADDRESSES[f"{name}_size"]) == used[region]
        await system.put(ctx, ADDRESSES["entry"], 0xDEADBEC0)
        assert await system.take(ctx, ADDRESSES["entry"]) == 0xDEADBEC0
        assert await system.put(ctx, 0xFC, 1) == SLVERR
        # An entry outside the region
        flags, fault, index = await system.run(ctx)
        assert (flags, fault, index) == (DONE, ProgramFault.ADDRESS, 0)

    system.play(testbench)
