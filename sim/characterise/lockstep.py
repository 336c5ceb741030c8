"""Runs parts of a layer on a netlist: streams in lock step, of equal commands and other data."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.counters import COUNTER_BITS, COUNTERS
from truncmac.hw.streams import word_bits
from truncmac.hw.tile import tile_layout
from truncmac.integers import ceil_div
from truncmac.sim.axi.memories import Memories
from truncmac.sim.netlist.gates import Activity, GateSimulator, InputStream

__all__ = ["GateRun", "run_parts"]

Words = npt.NDArray[np.uint64]
RESET_CYCLES = 4
CYCLES_IN_MOST = 1_000_000


@dataclass(frozen=True, eq=False)
class GateRun:
    """A run of a layer's parts on the netlist.

    Attributes
    ----------
    parts : the parts, one for each stream
    counters : the core's counters by name, which are the same in each stream
    activity : what toggled, over all streams
    mismatches : number of outputs, over all streams, that differ from golden
    outputs : number of outputs that were compared, over all streams
    parameter_sets, residual_rows : sets of parameters and rows of residual codes, of each stream
    """

    parts: Sequence[Gemm]
    counters: dict[str, int]
    activity: Activity
    mismatches: int
    outputs: int
    parameter_sets: int
    residual_rows: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all parts, without those of padding."""
        return sum(part.macs for part in self.parts)


def run_parts(
    simulator: GateSimulator,
    gemms: Sequence[Gemm],
    config: ArrayConfig,
    stall: int = 0,
    probe: ctypes.c_void_p | None = None,
    *,
    result_stall: int | None = None,
) -> GateRun:
    """Run a Gemm on each stream, all of equal shape, and compare every output with golden.

    The last tile of each stream runs first and is not counted. So registers hold what such a layer
    leaves in them, not what they hold after power-up.

    Parameters
    ----------
    stall : in how many of 256 cycles each stream pauses, that of the results too
    result_stall : in how many of 256 cycles the results pause, if that differs from `stall`
    probe : `Probe.reference` of `netlist.glitches`, or None

    Raises
    ------
    RuntimeError
        If the netlist hangs, or its control differs between streams.
    """
    memories = _memories(gemms, config)
    inputs = _streams(memories, config, stall)
    tiles = len(memories[0].tiles)
    results = tiles * config.interval
    _reset(simulator)
    _warm_up(simulator, gemms, config)
    simulator.reset_counts()
    taken = stall if result_stall is None else result_stall
    cycles, record = simulator.run(
        inputs, results, limit=CYCLES_IN_MOST, result_stall=taken, probe=probe
    )
    activity = simulator.activity(cycles)
    mismatches, outputs = _compare(record, gemms, config, tiles)
    value = simulator.port("counters")
    mask = (1 << COUNTER_BITS) - 1
    counters = {name: value >> COUNTER_BITS * i & mask for i, name in enumerate(COUNTERS)}
    sets = sum(tile.fields["fresh"] for tile in memories[0].tiles)
    residual = sum(tile.fields["residual"] for tile in memories[0].tiles) * config.departures
    return GateRun(gemms, counters, activity, mismatches, outputs, sets, residual)


def _reset(simulator: GateSimulator) -> None:
    """Hold the reset, with the valid bits of all streams low, then release it."""
    simulator.restart()
    ports = [name for name in simulator.netlist.ports if name.endswith("__valid")]
    ports = ["rst", "clear", "results__ready", *(name for name in ports if "results" not in name)]
    width = sum(len(simulator.netlist.ports[name]) for name in ports)
    words = np.zeros((RESET_CYCLES + 1, width), np.uint64)
    words[:RESET_CYCLES, 0] = ~np.uint64(0)
    simulator.play(ports, words, ["active"])


def _warm_up(simulator: GateSimulator, gemms: Sequence[Gemm], config: ArrayConfig) -> None:
    """Run the last row tile of each part, then set the counters to zero."""
    rows = slice(-config.rows, None)
    last = [
        replace(
            gemm,
            activations=gemm.activations[rows],
            residual=None if gemm.residual is None else gemm.residual[rows],
        )
        for gemm in gemms
    ]
    inputs = _streams(_memories(last, config), config, stall=0)
    simulator.run(inputs, config.interval, limit=CYCLES_IN_MOST)
    clear = np.array([[~np.uint64(0)], [0]], np.uint64)
    simulator.play(["clear"], clear, ["active"])


def _memories(gemms: Sequence[Gemm], config: ArrayConfig) -> list[Memories]:
    memories = []
    for gemm in gemms:
        memory = Memories(config)
        memory.add(gemm)
        memories.append(memory)
    return memories


def _streams(memories: Sequence[Memories], config: ArrayConfig, stall: int) -> list[InputStream]:
    first = memories[0]
    layout = tile_layout(config)
    commands = [tile.word(layout) >> 64 & (1 << layout.size) - 1 for tile in first.tiles]
    for memory in memories:
        same = [tile.word(layout) >> 64 & (1 << layout.size) - 1 for tile in memory.tiles]
        if same != commands:
            raise ValueError("Parts that run in lock step must have equal commands")
    bits = np.array([[c >> i & 1 for i in range(layout.size)] for c in commands], np.uint64)
    streams = [InputStream("tiles", bits * ~np.uint64(0), stall)]
    beats, chunks = [], []
    for memory in memories:
        activations = np.concatenate(memory.activations)
        weights = np.concatenate(memory.weights)
        at_beats, at_chunks = [], []
        for tile in memory.tiles:
            count = tile.fields["beats"]
            per_beat = chunk_count(tile.fields["bits"], config.planes)
            beat = np.arange(count)
            at_beats.append(tile.activations + beat)
            order = beat[:, None] + np.arange(per_beat)[None, :] * count
            at_chunks.append(tile.weights + order.ravel())
        beats.append(activations[np.concatenate(at_beats)])
        chunks.append(weights[np.concatenate(at_chunks)])
    bits = word_bits(config)
    streams.append(InputStream("activations", _slice(beats, bits["activations"]), stall))
    streams.append(InputStream("weights", _slice(chunks, bits["weights"]), stall))
    size = bits["parameters"]
    parameters = [
        np.array(
            [list(word.to_bytes(ceil_div(size, 8), "little")) for word in memory.parameters],
            np.uint8,
        ).reshape(-1, ceil_div(size, 8))
        for memory in memories
    ]
    streams.append(InputStream("parameters", _slice(parameters, size), stall))
    residuals = [
        np.concatenate(memory.residuals)
        if memory.residuals
        else np.zeros((0, config.cols), np.uint8)
        for memory in memories
    ]
    streams.append(InputStream("residuals", _slice(residuals, bits["residuals"]), stall))
    return streams


def _slice(words: Sequence[npt.NDArray[np.uint8]], width: int) -> Words:
    """Turn words of n x bytes, an array for each stream, into uint64 (n, width), a bit a stream."""
    count = len(words[0])
    result = np.zeros((count, width), np.uint64)
    for stream, block in enumerate(words):
        bits = np.unpackbits(block, axis=1, bitorder="little", count=width)
        result |= bits.astype(np.uint64) << np.uint64(stream)
    return result


def _compare(
    record: Words, gemms: Sequence[Gemm], config: ArrayConfig, tiles: int
) -> tuple[int, int]:
    """Number of outputs that differ from golden, and number compared, over all streams."""
    width = config.sum_width
    parts_count = len(record)
    mismatches = outputs = 0
    weights = 1 << np.arange(width, dtype=np.int64)
    weights[-1] = -weights[-1]
    for stream, gemm in enumerate(gemms):
        bits = (record >> np.uint64(stream) & np.uint64(1)).astype(np.int64)
        values = bits.reshape(parts_count, config.requantisers, width) @ weights
        # Part j of a row holds columns j * requantisers + q; or a part holds whole rows
        matrix = values.reshape(tiles * config.rows, config.cols)
        expected = gemm.outputs()
        mismatches += int(np.count_nonzero(matrix != expected))
        outputs += expected.size
    return mismatches, outputs
