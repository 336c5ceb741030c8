"""The timing diagram: the streams of a small core at work, from a simulation of it."""

import numpy as np
import wavedrom
from amaranth.sim import Simulator

from truncmac.hw.config import ArrayConfig
from truncmac.hw.core import Core

CONFIG = ArrayConfig(rows=2, cols=2, lanes=1, planes=1, max_reduction=8, requantisers=2)
TILES = [(3, 2), (1, 4), (2, 2)]  # k, beats
LATE = ("activations", 6, 1)  # the word with this number comes so many cycles late
CYCLES = 30


def played():
    """Each stream's word, or None, and whether it was taken, in each cycle."""
    rng = np.random.default_rng(1)
    names = {
        "tiles": [f"k={bits}" for bits, _ in TILES],
        "activations": [f"a{beat}" for _, beats in TILES for beat in range(beats)],
        "weights": [
            f"w{beat}.{bits - 1 - chunk}"
            for bits, beats in TILES
            for beat in range(beats)
            for chunk in range(bits)
        ],
    }
    payloads = {
        "tiles": [
            {"bits": bits, "beats": beats, "offset": (1 << bits) - 1, "raw": 1}
            for bits, beats in TILES
        ],
        "activations": rng.integers(0, 1 << 16, len(names["activations"])).tolist(),
        "weights": rng.integers(0, 4, len(names["weights"])).tolist(),
    }
    dut = Core(CONFIG)
    lanes = {name: [] for name in (*names, "results")}

    async def drive(ctx):
        index = dict.fromkeys(names, 0)
        late = LATE[2]
        rows = 0
        for _ in range(CYCLES):
            for name, words in payloads.items():
                waits = (name, index[name]) == LATE[:2] and late > 0
                late -= waits
                valid = index[name] < len(words) and not waits
                ctx.set(getattr(dut, name).valid, int(valid))
                if valid:
                    ctx.set(getattr(dut, name).payload, words[index[name]])
            ctx.set(dut.results.ready, 1)
            for name in names:
                stream = getattr(dut, name)
                valid, ready = ctx.get(stream.valid), ctx.get(stream.ready)
                lanes[name].append((names[name][index[name]] if valid else None, ready))
                index[name] += valid & ready
            valid = ctx.get(dut.results.valid)
            lanes["results"].append((f"t{rows // 2} r{rows % 2}" if valid else None, 1))
            rows += valid
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    return lanes


def wave(words):
    """WaveDrom's form of a stream's words: a box for as long as one is offered."""
    text, data, before = "", [], object()
    for word, _ in words:
        if word is None:
            text += "x" if before is not None else "."
        elif word == before:
            text += "."
        else:
            text += "="
            data.append(word)
        before = word
    return {"wave": text, "data": data}


def levels(bits):
    """WaveDrom's form of a bit."""
    text = "".join(
        "." if index and bit == bits[index - 1] else str(int(bit)) for index, bit in enumerate(bits)
    )
    return {"wave": text}


def signals():
    """The picture's signals."""
    rows = [{"name": "clk", "wave": "P" + "." * (CYCLES - 1)}]
    for name, words in played().items():
        rows.append({})
        rows.append({"name": f"{name}.payload"} | wave(words))
        rows.append({"name": f"{name}.valid"} | levels([word is not None for word, _ in words]))
        rows.append({"name": f"{name}.ready"} | levels([ready for _, ready in words]))
    return {"signal": rows, "config": {"hscale": 1}}


def picture():
    """The picture as SVG."""
    return wavedrom.WaveDrom().render_waveform(0, signals()).tostring()
