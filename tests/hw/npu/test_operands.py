"""Each column tile's weights and parameters are asked for once, and come as they lie in memory."""

from collections import deque

import numpy as np
import pytest

from tests.support import simulate
from truncmac.descriptors import PARAMETER_BYTES, PARAMETER_FIELDS
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.operands import OperandLoader

CASES = [  # weight words of 32, 8, 64, 256 and 512 bits, on buses that they fit into, fill or not
    (ArrayConfig(2, 4, 4, 2, 100, 2), 64),
    (ArrayConfig(2, 1, 8, 1, 100, 1), 256),
    (ArrayConfig(2, 8, 8, 1, 100, 4), 64),
    (ArrayConfig(2, 8, 16, 2, 100, 4), 128),
    (ArrayConfig(2, 16, 4, 8, 100, 4), 256),
]


def byte_at(address):
    return address * 37 + (address >> 8) * 11 & 255


def integer_at(address, count):
    return int.from_bytes(bytes(byte_at(address + i) for i in range(count)), "little")


def beats_of(address, count, size):
    """The beats that hold some bytes of memory, as `Fetcher` gives them."""
    first, end = address // size * size, address + count
    for start in range(first, end, size):
        kept = range(max(address, start), min(end, start + size))
        keep = sum(1 << byte - start for byte in kept)
        yield {"data": integer_at(start, size), "keep": keep, "last": start + size >= end}


def drawn(rng, config, size):
    """A layer; what lies between its column tiles is read by nobody."""
    beats = int(rng.integers(1, 6))
    whole = -(-8 // config.planes) * beats * config.weight_word_bytes
    return {
        "bits": int(rng.integers(1, 9)),
        "beats": beats,
        "channels": int(rng.integers(1, 3 * config.cols + 2)),
        "weights": size * int(rng.integers(1 << 10)),
        "pitch": size * (-(-whole // size) + int(rng.integers(3))),
        "parameters": size * int(rng.integers(1 << 10)),
        "raw": int(rng.random() < 0.3),
        "row_tiles": int(rng.integers(1, 1 << 16)),
    }


def expected(layer, config):
    """Requests for parameters and weights, records of parameters, words of weights, and blocks."""
    asked, weights, given, words, blocks = [], [], [], [], []
    count = -(-layer["bits"] // config.planes) * layer["beats"]
    for tile, first in enumerate(range(0, layer["channels"], config.cols)):
        known = min(config.cols, layer["channels"] - first)
        if not layer["raw"]:
            address = layer["parameters"] + first * PARAMETER_BYTES
            asked.append((address, known * PARAMETER_BYTES))
            given += [integer_at(address + 16 * c, 16) for c in range(known)]
            given += [0] * (config.cols - known)
        address = layer["weights"] + tile * layer["pitch"]
        size = config.weight_word_bytes
        weights.append((address, count * size))
        chunks = -(-layer["bits"] // config.planes)
        blocks.append((chunks - 1, layer["beats"], layer["row_tiles"]))
        words += [integer_at(address + size * word, size) for word in range(count)]
    return asked, weights, given, words, blocks


def record(parameters):
    """The fields of the core's parameters, as they are cut from a record."""
    return {
        field.name: int(parameters[field.name]) & ((1 << width) - 1)
        for field in PARAMETER_FIELDS
        for width in [parameters.shape()[field.name].width]
    }


def record_of(number, like):
    found = {}
    for field in PARAMETER_FIELDS:
        width = min(field.width, like.shape()[field.name].width)
        found[field.name] = number >> field.low & ((1 << width) - 1)
    return found


@pytest.mark.parametrize("busy", [0.0, 0.6])
@pytest.mark.parametrize(("config", "width"), CASES)
def test_random_layers(config, width, busy):
    rng, size = np.random.default_rng(width), width // 8
    dut = OperandLoader(config, width)
    layers = [drawn(rng, config, size) for _ in range(12)]
    layers += [layers[0] | {"channels": config.cols, "raw": 0}, layers[1] | {"raw": 1, "bits": 8}]
    found = {name: [] for name in ("parameters", "weights", "given", "words", "blocks")}

    def tiles_of(layer):
        return range(0, layer["channels"], config.cols)

    def memory(name):
        """Answers requests, and notes them."""
        requests, data = (getattr(dut, f"{name}_{part}") for part in ("requests", "data"))
        beats = deque()

        async def play(ctx):
            while True:
                asks, gives = (rng.random(2) >= busy).tolist()
                gives = gives and bool(beats)
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
                    address, count = int(request.address), int(request.bytes)
                    found[name].append((address, count))
                    assert name == "parameters" or address % size == 0
                    if name == "parameters":  # those before are handed on, so that there is room
                        asked = len(found["parameters"]) - 1
                        tiles = sum(not layer["raw"] for layer in layers for _ in tiles_of(layer))
                        assert asked < tiles and len(found["given"]) == asked * config.cols
                    beats.extend(beats_of(address, count, size))

        return play

    def takes(name, stream):
        async def take(ctx):
            while True:
                ready = bool(rng.random() >= busy)
                ctx.set(stream.ready, ready)
                _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
                if valid and ready:
                    found[name].append(payload)

        return take

    async def drive(ctx):
        for layer in layers:
            ctx.set(dut.layers.payload, layer)
            ctx.set(dut.layers.valid, 1)
            await ctx.tick().until(dut.layers.ready)
            ctx.set(dut.layers.valid, 0)
            if rng.random() < busy:
                await ctx.tick()
        words = sum(len(expected(layer, config)[3]) for layer in layers)
        while len(found["words"]) < words:
            await ctx.tick()
        await ctx.tick().repeat(5)

    benches = [memory("parameters"), memory("weights")]
    benches += [takes("given", dut.parameters), takes("words", dut.loads)]
    benches += [takes("blocks", dut.blocks)]
    simulate(dut, drive, background=benches, cycles=20_000)
    for name, place in (("parameters", 0), ("weights", 1), ("words", 3)):
        assert found[name] == [part for layer in layers for part in expected(layer, config)[place]]
    blocks = [(b.last_chunk, b.beats, b.tiles) for b in found["blocks"]]
    assert blocks == [part for layer in layers for part in expected(layer, config)[4]]
    given = [part for layer in layers for part in expected(layer, config)[2]]
    assert [record(each) for each in found["given"]] == [
        record_of(number, each) for number, each in zip(given, found["given"], strict=True)
    ]
