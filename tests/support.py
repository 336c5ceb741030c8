"""Helpers that the hardware's tests share."""

from contextlib import nullcontext

import numpy as np
from amaranth.sim import Simulator

from truncmac.golden import beat_major, pack_weights, truncate
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.stalls import NO_STALLS


def simulate(dut, *testbenches, background=(), cycles=10_000, vcd=None):
    """Run testbenches to their end; one that does not end fails."""

    async def watchdog(ctx):
        for _ in range(cycles):
            await ctx.tick()
        raise TimeoutError(f"{type(dut).__name__}: not finished after {cycles} cycles")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for testbench in testbenches:
        sim.add_testbench(testbench)
    for testbench in (watchdog, *background):
        sim.add_testbench(testbench, background=True)
    with sim.write_vcd(str(vcd)) if vcd else nullcontext():
        sim.run()


def simulate_logic(dut, testbench):
    """Run a testbench of a component without registers."""
    sim = Simulator(dut)
    sim.add_testbench(testbench)
    sim.run()


async def put(ctx, stream, payload):
    """Offer `payload` until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    await ctx.tick().until(stream.ready)
    ctx.set(stream.valid, 0)


async def get(ctx, stream):
    """Take one payload."""
    ctx.set(stream.ready, 1)
    (payload,) = await ctx.tick().sample(stream.payload).until(stream.valid)
    ctx.set(stream.ready, 0)
    return payload


def word(values, width):
    """Integer of the values' lowest `width` bits each, the first lowest."""
    return sum((int(value) & ((1 << width) - 1)) << (width * i) for i, value in enumerate(values))


def chunk_words(codes, bits, config):
    """Weight words of codes (K, cols) as the array takes them: (beats, chunks) integers."""
    packed = pack_weights(codes, columns=config.cols, lanes=config.lanes, planes=config.planes)
    chunks = beat_major(packed[0], bits)
    return [[word(chunk.ravel(), config.planes) for chunk in beat] for beat in chunks]


def beat_words(activations, config):
    """Activation words of (rows, K) as the array takes them, one a beat."""
    rows, reduction = activations.shape
    beats = -(-reduction // config.lanes)
    padded = np.zeros((config.rows, beats * config.lanes), np.uint8)
    padded[:rows, :reduction] = activations
    beats = padded.reshape(config.rows, beats, config.lanes).transpose(1, 0, 2)
    return [word(beat.ravel(), 8) for beat in beats]


def dot(activations, codes, bits):
    """D, in Python's own integers."""
    return activations.astype(object) @ truncate(codes, bits).astype(object)


def assert_exact(outcomes, config, stalls=NO_STALLS, together=1):
    """Every output is golden's, and every counter the cycle model's."""
    for outcome in outcomes:
        np.testing.assert_array_equal(
            outcome.outputs, outcome.gemm.outputs(), err_msg=outcome.gemm.name
        )
    jobs = [Job.of(outcome.gemm, config) for outcome in outcomes]
    expected = control_counters(config, jobs, stalls, together=together)
    assert [dict(outcome.counters) for outcome in outcomes[::together]] == expected
