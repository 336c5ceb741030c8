"""Descriptors are done in order, each after what the one before wrote; a fault ends a program."""

import numpy as np
import pytest
from amaranth import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from tests.hw.npu.sequences import ALL, CONFIGS, begin, descriptor, program, wrong_programs
from tests.support import simulate
from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    Operation,
    ProgramFault,
    pack_descriptor,
    unpack_descriptor,
)
from truncmac.hw.npu.ahead import DescriptorReader
from truncmac.hw.npu.control import RUNNERS, Controller

FAULTS = {
    "reset": ProgramFault.STOPPED,
    "outside": ProgramFault.ADDRESS,
    "read_failed": ProgramFault.READ,
    "write_failed": ProgramFault.WRITE,
}
NAMES = tuple(dict.fromkeys(RUNNERS.values()))


class Joined(wiring.Component):
    """The controller, with what reads its descriptors; an abort resets that."""

    def __init__(self, config):
        self.reader, self.controller = DescriptorReader(config), Controller()
        reads, orders = (dict(part.signature.members) for part in (self.reader, self.controller))
        self.parts = {self.controller: orders, self.reader: reads}
        members = {n: m for each in (reads, orders) for n, m in each.items()}
        super().__init__({n: m for n, m in members.items() if n != "checked"})

    def elaborate(self, platform):
        m = Module()
        m.submodules.controller = self.controller
        m.submodules.reader = ResetInserter(self.controller.abort)(self.reader)
        wiring.connect(m, self.reader.checked, self.controller.checked)
        for part, members in self.parts.items():
            for name, member in members.items():
                ours, theirs = getattr(self, name, None), getattr(part, name)
                if name in ("checked", "start"):
                    continue
                if member.is_signature:
                    wiring.connect(m, wiring.flipped(ours), theirs)
                else:
                    m.d.comb += theirs.eq(ours) if member.flow == In else ours.eq(theirs)
        m.d.comb += self.controller.start.eq(self.start)
        m.d.comb += self.reader.start.eq(self.start & ~self.busy)
        return m


class Engine:
    """Plays what the controller orders, after random times, and checks what it must keep.

    `fetches` are the addresses that were read, `events` what took place: (name of the runner,
    descriptor). A descriptor is read while the operation before it is done, and not earlier.
    """

    def __init__(self, config, rng, busy=0.4):
        self.dut, self.rng, self.busy = Joined(config), rng, busy
        self.size = config.bus_bytes
        self.code, self.events, self.fetches, self.inject = {}, [], [], {}
        self.cycle, self.ends, self.overlaps = 0, [], 0
        self.forget()

    def put(self, entry, parts):
        self.code = {entry + DESCRIPTOR_BYTES * i: part for i, part in enumerate(parts)}

    def forget(self):
        """All that is under way; `load`, `store` and `sums` are cycles that are left."""
        self.beats, self.left, self.last = [], None, None
        self.times = dict.fromkeys(("load", "store", "written"), 0)

    @property
    def moving(self):
        return any(self.times.values())

    def give(self, ctx):
        """Set the inputs of a cycle; what is asked, given, running and ended in it."""
        dut = self.dut
        asks, gives, still = self.rng.random(3) >= self.busy
        gives = bool(gives and self.beats)
        ctx.set(dut.requests.ready, int(asks))
        ctx.set(dut.data.valid, gives)
        if gives:
            data, last = self.beats[0]
            ctx.set(dut.data.payload, {"data": data, "keep": -1, "last": last})
        ctx.set(dut.loading, self.times["load"] > 0)
        ctx.set(dut.storing, self.times["store"] > 0)
        ctx.set(dut.written, self.times["written"] == 0)
        ctx.set(dut.still, int(still))
        ctx.set(dut.ahead.ready, int(self.rng.random() >= self.busy))
        for name in FAULTS:
            ctx.set(getattr(dut, name), name in self.inject.get(self.cycle, ()))
        running = [name for name in NAMES if ctx.get(getattr(dut, f"run_{name}"))]
        assert len(running) <= 1
        run = running[0] if running else None
        ended = self.times[run] == 0 if run in self.times else run and self.left == 0
        for name in NAMES:
            ctx.set(getattr(dut, f"ended_{name}"), bool(name == run and ended))
        return bool(asks), gives, bool(still), run, ended

    async def play(self, ctx):
        dut = self.dut
        outs = (dut.requests.valid, dut.requests.payload, dut.data.ready, dut.descriptor)
        while True:
            asks, gives, still, run, ended = self.give(ctx)
            (
                _,
                _,
                valid,
                request,
                takes,
                word,
                stop,
                abort,
                busy,
                done,
                *kinds,
            ) = await ctx.tick().sample(
                *outs, dut.stop, dut.abort, dut.busy, dut.done, dut.fetches, dut.moves
            )
            # Each cycle of a program is counted once
            assert sum(kinds) + (run in ("convolution", "post")) == busy
            self.cycle += 1
            assert not abort or (still and stop and done)
            if done:
                assert busy
                assert abort or not self.moving
                self.ends.append(bool(abort))
            if gives and takes:
                self.beats.pop(0)
            self.pass_time(run, ended, int(word).to_bytes(DESCRIPTOR_BYTES, "little"))
            if valid and asks and not stop:
                self.fetch(request)
            if abort:
                self.forget()

    def fetch(self, request):
        assert request.bytes == DESCRIPTOR_BYTES
        self.fetches.append(int(request.address))
        part = self.code.get(int(request.address), bytes(DESCRIPTOR_BYTES))
        starts = range(0, DESCRIPTOR_BYTES, self.size)
        words = [int.from_bytes(part[i : i + self.size], "little") for i in starts]
        self.beats = [(word, i == len(words) - 1) for i, word in enumerate(words)]

    def pass_time(self, run, ended, word):
        """What runs goes on, or begins."""
        for name, time in self.times.items():
            self.times[name] = max(0, time - 1)
        if not run:
            return
        _, values = unpack_descriptor(word)
        if self.left is None:
            self.left = int(self.rng.integers(5))
            operation, before = unpack_descriptor(self.last or bytes(DESCRIPTOR_BYTES))
            moves = operation in (Operation.LOAD, Operation.STORE) and not before["beside"]
            if moves or before.get("raw"):
                assert not self.moving, "what it moves is there"
            self.last = word
            self.events.append((run, word))
            self.overlaps += self.moving
            assert not (values["wait"] and self.moving)
            assert not (values.get("raw") and self.times["store"])
        elif not ended:
            self.left = max(0, self.left - 1)
        if ended:
            if run in self.times:
                self.times[run] = int(self.rng.integers(1, 60))
            if run == "store" or values.get("raw"):
                self.times["written"] = max(self.times.values()) + int(self.rng.integers(5))
            self.left = None

    async def start(self, ctx, entry):
        ctx.set(self.dut.entry, entry)
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)
        assert ctx.get(self.dut.busy)

    async def run(self, ctx, parts, entry=0):
        """Run a program to its end: fault and index, and events."""
        self.put(entry, parts)
        self.events.clear()
        self.fetches.clear()
        self.ends.clear()
        self.last = None
        await self.start(ctx, entry)
        while not self.ends:
            await ctx.tick()
        assert not ctx.get(self.dut.busy)
        assert len(self.ends) == 1
        fault = ctx.get(self.dut.fault)
        assert self.ends[0] == (fault != ProgramFault.NONE)
        return fault, ctx.get(self.dut.index), list(self.events)


def expected_events(parts, count=None):
    """Of a program whose first `count` descriptors are done."""
    return [(RUNNERS[Operation(part[0])], part) for part in parts[:count] if part[0] in RUNNERS]


def addresses(parts, entry=0):
    return [(entry + DESCRIPTOR_BYTES * index) % (1 << 30) for index in range(len(parts))]


def play(config, testbench, seed=0, cycles=20_000, busy=0.4):
    rng = np.random.default_rng(seed)
    engine = Engine(config, rng, busy)

    async def bench(ctx):
        ctx.set(engine.dut.regions, [{"base": 64 * n, "size": 1 << 12} for n in range(4)])
        await testbench(ctx, engine)

    simulate(engine.dut, bench, background=[engine.play], cycles=cycles)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: str(config.bus_width))
@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_operations_are_done_in_order(config, busy):
    async def testbench(ctx, engine):
        for _ in range(12):
            count = int(engine.rng.integers(0, 9))
            operations = [ALL[i] for i in engine.rng.integers(0, len(ALL), count)]
            parts = program(config, operations, engine.rng)
            entry = 64 * int(engine.rng.integers(9))
            fault, index, events = await engine.run(ctx, parts, entry)
            assert (fault, index) == (ProgramFault.NONE, count + 1)
            assert events == expected_events(parts)
            assert engine.fetches == addresses(parts, entry)
            await ctx.tick().repeat(int(engine.rng.integers(1, 4)))
        assert engine.overlaps > 0

    play(config, testbench, busy=busy)


def test_sums_wait_for_a_store_that_runs_beside():
    """Both write; that they never do at once is for the engine's model to see."""
    config = CONFIGS[1]
    parts = [begin(config), descriptor(Operation.STORE, config, 1, beside=1)]
    parts += [descriptor(Operation.CONV, config, 2, raw=1), pack_descriptor(Operation.END, {})]

    async def testbench(ctx, engine):
        for _ in range(8):
            assert await engine.run(ctx, parts) == (ProgramFault.NONE, 3, expected_events(parts))

    play(config, testbench, busy=0.0)


def test_a_wrong_descriptor_ends_its_program_and_the_next_is_right():
    config = CONFIGS[0]

    async def testbench(ctx, engine):
        parts = program(config)
        for wrong, fault, index in wrong_programs(config):
            found = await engine.run(ctx, wrong)
            assert found == (fault, index, expected_events(wrong, index))
            assert engine.fetches == addresses(wrong[: index + 1])  # and nothing behind it
            found = await engine.run(ctx, parts)
            assert found == (ProgramFault.NONE, len(parts) - 1, expected_events(parts))

    play(config, testbench)


@pytest.mark.parametrize(
    "name",
    [
        *("reset", "read_failed"),
        *(pytest.param(name, marks=pytest.mark.long) for name in ("outside", "write_failed")),
    ],
)
def test_a_fault_in_any_cycle_ends_the_program_and_the_next_is_right(name):
    config = CONFIGS[1]

    async def testbench(ctx, engine):
        parts, runs = program(config, (Operation.LOAD, Operation.STORE)), 0
        after, ended = list(FAULTS).index(name), False  # all of them together try every cycle
        while not ended:
            engine.rng = np.random.default_rng(0)
            engine.inject = {engine.cycle + 1 + after: [name]}
            fault, index, events = await engine.run(ctx, parts)
            ended = fault == ProgramFault.NONE  # it came too late
            if not ended:
                assert fault == FAULTS[name]
                assert events == expected_events(parts)[: len(events)]
                # The one at hand may not be asked for yet, or the next one already
                assert index - len(engine.fetches) in (-2, -1, 0)
                runs += 1
            engine.inject = {}
            engine.rng = np.random.default_rng(after)
            found = await engine.run(ctx, parts)
            assert found == (ProgramFault.NONE, len(parts) - 1, expected_events(parts))
            after += len(FAULTS)
        assert runs > 10

    play(config, testbench)


def test_a_fault_between_programs_is_nothing():
    async def testbench(ctx, engine):
        parts = program(CONFIGS[0])
        engine.inject = {cycle: list(FAULTS) for cycle in range(20)}
        await ctx.tick().repeat(19)
        assert not ctx.get(engine.dut.busy)
        await ctx.tick()
        assert (await engine.run(ctx, parts))[0] == ProgramFault.NONE
        assert ctx.get(engine.dut.fault) == ProgramFault.NONE

    play(CONFIGS[0], testbench)


def test_stop_holds_until_the_bus_is_still():
    dut = Controller()

    async def testbench(ctx):
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.outside, 1)
        assert not ctx.get(dut.stop)
        await ctx.tick()
        ctx.set(dut.outside, 0)
        for _ in range(5):
            assert ctx.get(dut.stop) and ctx.get(dut.busy)
            assert not ctx.get(dut.abort) and not ctx.get(dut.done)
            await ctx.tick()
        ctx.set(dut.still, 1)
        assert ctx.get(dut.abort) and ctx.get(dut.done)
        await ctx.tick()
        for name in ("stop", "abort", "done", "busy"):
            assert not ctx.get(getattr(dut, name))
        assert ctx.get(dut.fault) == ProgramFault.ADDRESS

    simulate(dut, testbench)


def test_a_start_while_busy_is_ignored():
    config = CONFIGS[0]

    async def testbench(ctx, engine):
        parts = program(config)
        engine.put(64, parts)
        await engine.start(ctx, 64)
        while ctx.get(engine.dut.busy):
            # Not in the cycle of `done`, after which a start counts
            ctx.set(engine.dut.start, not ctx.get(engine.dut.done) and engine.rng.random() < 0.5)
            await ctx.tick()
        assert engine.events == expected_events(parts)
        assert ctx.get(engine.dut.index) == len(parts) - 1

    play(config, testbench, busy=0.0)
