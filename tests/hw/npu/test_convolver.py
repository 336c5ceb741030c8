"""Whole convolutions, with all that they can have, leave what the reference leaves."""

from collections import Counter, deque

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In

from tests.golden.programs import Memory, mapped, parameter_memory, sizes
from tests.golden.test_program import conv_values
from tests.hw.npu.outputs import Banks, places_of
from tests.support import put, simulate
from truncmac.descriptors import Operation, Region, split_address, to_address
from truncmac.golden import MapPlace
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.convolver import Convolver
from truncmac.hw.npu.decode import decode_convolution, decode_operands
from truncmac.hw.npu.im2col import Im2col
from truncmac.sim.npu.planning import machine_of

CASES = [
    (ArrayConfig(4, 4, 2, 1, 80, 4), 64, 0.0),
    (ArrayConfig(2, 2, 4, 2, 80, 1), 128, 0.4),
    pytest.param(ArrayConfig(8, 8, 1, 1, 80, 8), 64, 0.4, marks=pytest.mark.long),
    pytest.param(ArrayConfig(1, 1, 8, 8, 80, 1), 256, 0.0, marks=pytest.mark.long),
    pytest.param(ArrayConfig(2, 16, 2, 4, 80, 4), 256, 0.4, marks=pytest.mark.long),
]


class Decoded(wiring.Component):
    """A convolver that is told descriptors: `ahead`, and then, to do them; and window reader."""

    def __init__(self, config, width):
        self.convolver = Convolver(config, width)
        self.windows = Im2col(config)
        words = stream.Signature(512)
        super().__init__({"descriptor": In(512), "valid": In(1), "ahead": In(words)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.convolver = self.convolver
        m.submodules.windows = self.windows
        wiring.connect(m, self.convolver.windows, self.windows.windows)
        wiring.connect(m, self.windows.words, self.convolver.words)
        config, operations = self.convolver.config, self.convolver.operations
        decode_convolution(m, config, self.descriptor, operations.p)
        decode_operands(m, config, self.ahead.payload, self.convolver.layers.p)
        m.d.comb += [
            operations.valid.eq(self.valid),
            self.convolver.layers.valid.eq(self.ahead.valid),
            self.ahead.ready.eq(self.convolver.layers.ready),
        ]
        return m


class Case:
    """A random convolution: its descriptor, and what the reference makes of it.

    residual : 1: it adds a residual; 2: that lies where the output goes
    alike : all maps are laid out as the input is, so that a tile's pixels are in different banks
    """

    def __init__(self, rng, config, *, raw, residual, alike=False, depth=2048):
        npu = NpuConfig(array=config, depth=depth)
        self.chip = machine_of(npu)
        self.memory = Memory(self.chip)
        kernel, dilation, stride = (rng.integers(1, 4, 2).tolist() for _ in range(3))
        shape = tuple(int(n) for n in rng.integers(1, (7, 7, 6)))
        kernel = [k if k * k * shape[2] < 30 else 1 for k in kernel]
        reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        pads = [int(rng.integers(0, r + 2)) for r in reach]
        size = [
            max(1, (n + 2 * p - r - 1) // s + 1)
            for n, p, r, s in zip(shape[:2], pads, reach, stride, strict=True)
        ]
        self.shape = (*size, int(rng.integers(1, 2 * config.cols + 2)))
        phases = [max(0, s.bit_length() - 1) for s in stride]
        source = self.place(rng, shape, 0, phases)
        phases = rng.integers(0, 1 if alike else 2, 2).tolist()
        self.target = self.place(rng, self.shape, 1, phases, source.tile_x if alike else None)
        shifts, fewer = rng.integers(0, 3, 2).tolist(), int(rng.integers(1, self.shape[2] + 1))
        if residual == 2:
            shifts, fewer = [0, 0], self.shape[2]
        given = (*(((n - 1) << shift) + 1 for n, shift in zip(size, shifts, strict=True)), fewer)
        phases = shifts if alike else rng.integers(0, 3, 2).tolist()
        added = self.place(rng, given, 2, phases, source.tile_x if alike else None)
        added = self.target if residual == 2 else added
        self.raw = int(raw)
        residual = int(residual > 0)
        bits = int(rng.integers(1, 9))
        self.maps = [(source, rng.integers(0, 256, shape, np.uint8))]
        if residual:
            self.maps.append((added, rng.integers(0, 256, given, np.uint8)))
        for number, (place, codes) in enumerate(self.maps):
            self.memory.load(codes, place, offset=1 << 12 if number else 0)
        weights = rng.integers(0, 256, (*kernel, shape[2], self.shape[2]), np.uint8)
        columns = self.shape[2]
        parameters = self.memory.data(
            parameter_memory(
                # Most codes are neither 0 nor the limit
                multiplier=rng.integers(-100, 100, columns),
                residual_multiplier=rng.integers(-(1 << 16), 1 << 16, columns),
                bias=rng.integers(0, 1 << 24, columns),
                shift=rng.integers(16, 19, columns),
            )
        )
        if self.raw:
            parameters = to_address(Region.OUTPUT, 0)
        values = conv_values(self.maps[0][1], weights, self.memory, bits=bits)
        values |= {
            **{"offset": int(rng.integers(512)), "limit": int(rng.integers(100, 256))},
            **{"stride_y": stride[0], "stride_x": stride[1], "pad_code": int(rng.integers(256))},
            **{"dilation_y": dilation[0], "dilation_x": dilation[1]},
            **{"pad_top": pads[0], "pad_left": pads[1]},
            **{"raw": self.raw, "residual": residual, "parameters": parameters},
            **sizes("output", self.shape),
            **mapped("input", source),
            **mapped("output", self.target),
            **mapped("residual", added),
            **{"residual_shift_y": shifts[0], "residual_shift_x": shifts[1]},
            **{"residual_channels": fewer},
        }
        self.memory.add(Operation.CONV, **values)
        self.descriptor = int.from_bytes(self.memory.operations[-1], "little")
        if not self.raw:
            self.memory.store(self.shape, self.target)
        self.memory.run(begin=self.memory.begin(configuration=npu.configuration))
        self.values = values

    def place(self, rng, shape, group, phases, tile_x=None):
        return MapPlace.packed(
            shape,
            self.chip,
            group=group,
            base=int(rng.integers(9)),
            tile_x=int(rng.integers(self.chip.row_bits + 1)) if tile_x is None else tile_x,
            phases=tuple(phases),
        )

    @property
    def sums(self):
        """Raw sums by number."""
        data = self.memory.regions[Region.OUTPUT][: 4 * int(np.prod(self.shape))]
        return dict(enumerate(data.view("<i4").tolist()))

    def banks(self, rng, config):
        """The activation memory before the convolution; what nothing wrote is garbage."""
        shape = (3, config.rows, self.chip.depth, config.lanes)
        held = rng.integers(0, 256, shape).astype(np.uint8)
        for place, codes in self.maps:
            held[places_of(place, codes.shape, self.chip)] = codes
        return held


class Beside:
    """Activation memory and bus beside a convolver."""

    def __init__(self, dut, rng, busy, edge_busy=None):
        self.dut, self.windows, self.rng, self.busy = dut.convolver, dut.windows, rng, busy
        self.edge = Banks(dut.convolver, None, rng, busy if edge_busy is None else edge_busy)
        self.held, self.memory, self.group, self.sums = None, None, None, {}
        self.waits = Counter()  # events of the counters of waits

    def idle(self):
        return self.rng.random() < self.busy

    async def banks(self, ctx):
        dut, windows, lanes = self.dut, self.windows, self.dut.config.lanes
        answers = [0] * dut.config.rows
        while True:
            self.edge.held = self.held
            self.edge.grant(ctx)
            _, _, banks, addresses = await ctx.tick().sample(windows.read, windows.addresses)
            for bank in range(len(answers)):
                if banks >> bank & 1:
                    address = addresses >> 16 * bank & 0xFFFF
                    answers[bank] = int.from_bytes(self.held[self.group, bank, address], "little")
            if banks:
                word = sum(answer << 8 * lanes * bank for bank, answer in enumerate(answers))
                ctx.set(windows.answers, word)
            self.edge.serve(ctx)

    def bus(self, name):
        requests, data = (getattr(self.dut, f"{name}_{part}") for part in ("requests", "data"))
        size, beats = self.dut.width // 8, deque()

        async def play(ctx):
            while True:
                asks, gives = not self.idle(), bool(beats) and not self.idle()
                ctx.set(requests.ready, asks)
                ctx.set(data.valid, gives)
                if gives:
                    ctx.set(data.payload, beats[0])
                _, _, valid, request, taken = await ctx.tick().sample(
                    requests.valid, requests.payload, data.ready
                )
                if gives and taken:
                    beats.popleft()
                if valid and asks:
                    region, offset = split_address(int(request.address))
                    end = offset + int(request.bytes)
                    for start in range(offset // size * size, end, size):
                        word = self.memory.regions[region][start : start + size].tobytes()
                        kept = range(max(offset, start), min(end, start + size))
                        keep = sum(1 << byte - start for byte in kept)
                        last = start + size >= end
                        word = int.from_bytes(word, "little")
                        beats.append({"data": word, "keep": keep, "last": last})

        return play

    async def watch(self, ctx):
        names = ("waiting_results", "waiting_residuals")
        ports = (getattr(self.dut, name) for name in names)
        async for _, _, *found in ctx.tick().sample(*ports):
            self.waits.update(name for name, event in zip(names, found, strict=True) if event)

    async def take(self, ctx):
        sums = self.dut.sums
        while True:
            ready = not self.idle()
            ctx.set(sums.ready, ready)
            _, _, valid, found = await ctx.tick().sample(sums.valid, sums.payload)
            if valid and ready:
                assert found.number not in self.sums
                self.sums[int(found.number)] = int(found.value)


def check(config, width, busy, seeds, edge_busy=None, **more):
    """Run convolutions; how often each of the waits that are counted was told."""
    rng = np.random.default_rng(seeds[0])
    dut = Decoded(config, width)
    beside = Beside(dut, rng, busy, edge_busy)
    cases = []
    for seed in seeds:
        alike = seed % 2 == 0
        kind = {"raw": seed % 3 == 0, "residual": (seed % 3 == 1) * (1 if alike else 2)} | more
        case = Case(np.random.default_rng(seed), config, **kind, alike=alike)
        cases.append((case, kind, alike))

    async def tell(ctx):
        """What is read comes from the memory of the convolution that was told last."""
        for case, *_ in cases:
            await put(ctx, dut.ahead, case.descriptor)
            beside.memory = case.memory

    async def drive(ctx):
        for case, kind, alike in cases:
            before = case.banks(rng, config)
            beside.held = before.copy()
            beside.group = case.maps[0][0].group
            beside.sums.clear()
            beside.waits.clear()
            stalled = ctx.get(dut.convolver.counters.stalled_output)
            ctx.set(dut.descriptor, case.descriptor)
            ctx.set(dut.valid, 1)
            await ctx.tick().until(dut.convolver.operations.ready)
            ctx.set(dut.valid, 0)
            await ctx.tick()
            if case.raw:
                assert beside.sums == case.sums, case.values
            else:
                places = places_of(case.target, case.shape, case.chip)
                assert np.array_equal(beside.held[places], case.memory.stored(case.shape))
                assert not beside.sums
                before[places] = beside.held[places]
            assert np.array_equal(beside.held, before)  # nothing else was written
            if alike and not busy and not case.raw and kind["residual"] < 2:
                assert not beside.waits
                assert ctx.get(dut.convolver.counters.stalled_output) == stalled
            waits.update(beside.waits)
            if case.raw and case.shape[2] > 1 and config.rows > 1:  # the sums of a tile, at once
                assert beside.waits["waiting_results"]

    waits = Counter()
    benches = [beside.banks, beside.bus("parameters"), beside.bus("weights"), beside.take]
    benches.append(beside.watch)
    simulate(dut, drive, tell, background=benches, cycles=100_000)
    return waits


@pytest.mark.parametrize(("config", "width", "busy"), CASES)
def test_random_convolutions(config, width, busy):
    # The residual of 124 has fewer channels than the output, and another stride along each axis
    check(config, width, busy, (0, 1, 2, 4, 124))


@pytest.mark.long
@pytest.mark.parametrize(("config", "width", "busy"), CASES[:2])
def test_more_random_convolutions(config, width, busy):
    check(config, width, busy, range(100, 112))


def test_waits_of_either_kind_are_told():
    config = ArrayConfig(4, 4, 2, 1, 80, 4)
    waits = check(config, 64, 0.1, (34,), edge_busy=0.9)  # it adds a residual
    assert min(waits[name] for name in ("waiting_results", "waiting_residuals")) > 2
    waits = check(config, 64, 0.1, (2,), edge_busy=0.9)
    assert waits["waiting_results"] > 2
    assert waits["waiting_residuals"] == 0


@pytest.mark.parametrize("units", [4, 2])
def test_a_residual_in_place_of_the_output_costs_nothing(units):
    """A write that once found its bank at work stays a cycle behind the reads."""
    config = ArrayConfig(4, 4, 4, 1, 80, units)
    assert not check(config, 128, 0.0, (8, 14), residual=2)
