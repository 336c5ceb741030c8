"""Two layers on a small NPU at k = 8 and at k = 2, from start to interrupt: what moves in a cycle.

All of it is from the waveforms of a run on Icarus.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pywellen

from truncmac.golden import Conv2d, ImageSpec, Network, Setting
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.rtl.npu.network import program_run
from truncmac.sim.rtl.npu.programs import run_programs

__all__ = ["npu_run_picture"]

CONFIG = NpuConfig(array=ArrayConfig(4, 8, 4, 1, 144, 4), depth=128)
BIT_WIDTHS = (8, 2)
SHAPES = {"first": (8, 3, 3, 3), "second": (8, 8, 3, 3)}
HARNESS = "truncmac_npu_harness.npu."
CORE = "engine.convolver.core."
WIDTH, LEFT, RIGHT = 960, 132, 16
ROW, GAP, PANEL = 20, 6, 190
LINE, IDLE = "#7b8794", "#eef1f4"
STYLE = (
    "text{font:13px sans-serif;fill:#1f2933}.t{font-size:16px;font-weight:bold}"
    ".e{text-anchor:end}.s{font-size:11px}"
)
READS = {  # who reads, and the colour of its beats
    "descriptor": "#7b8794",
    "load": "#27ae60",
    "parameters": "#9b59b6",
    "weights": "#2171b5",
}
READ = ("descriptors", "image", "parameters", "weights")  # what they read
ROWS = ("bus reads", "array works", "results leave", "bus writes")
WORKS = ("#6baed6", "#08519c")  # the first layer, and the second
LEAVES, WRITES = "#f2994a", "#c0392b"


def network() -> Network:
    """Two convolutions of 3 x 3 on an image of 8 x 8; the weights are drawn."""
    rng = np.random.default_rng(1)
    tensors = {}
    for name, shape in SHAPES.items():
        tensors[f"{name}.codes"] = rng.integers(0, 256, shape, np.uint8)
        for bits in BIT_WIDTHS:
            tensors[f"{name}.b{bits}.multiplier"] = np.full(shape[0], 1 << 9)
            tensors[f"{name}.b{bits}.bias"] = np.full(shape[0], 1 << 22)
            tensors[f"{name}.b{bits}.shift"] = np.full(shape[0], 16)
    layers = (
        Conv2d("first", "image", out_bits=8, padding=(1, 1)),
        Conv2d("second", "first", out_bits=8, padding=(1, 1)),
    )
    return Network("two layers", ImageSpec(3, 8, 8, bits=8), BIT_WIDTHS, layers, tensors)


def recorded() -> Mapping[int, Mapping[str, Sequence[int]]]:
    """The signals' values in each cycle of the programs, by k and name.

    Raises
    ------
    RuntimeError
        If a program has not ended as it should, or the trace has another number of cycles than the
        NPU counted.
    """
    compiled = compile_network(network(), CONFIG, [Setting(str(k), k) for k in BIT_WIDTHS])
    image = np.random.default_rng(2).integers(0, 256, (3, 8, 8), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        vcd = Path(folder) / "run.vcd"
        outcomes = run_programs(
            [program_run(compiled, entry, image) for entry in compiled.entries],
            CONFIG,
            simulator="icarus",
            waves=vcd,
            build_root=Path(folder),
        )
        found = {
            variable.full_name.removeprefix(HARNESS): variable.signal
            for variable in pywellen.Waveform(str(vcd)).all_vars()
        }
        traced = [samples(found, edges) for edges in programs(found)]
    for outcome, values in zip(outcomes, traced, strict=True):
        if not outcome.ended or len(values["index"]) != outcome.cycles:
            raise RuntimeError(f"the NPU counted {outcome.cycles} cycles of {len(values['index'])}")
    return dict(zip(BIT_WIDTHS, traced, strict=True))


def programs(found: Mapping[str, Any]) -> Iterator[list[int]]:
    """Times just before the rising edges of the clock at which a program is at work, by program."""
    busy = found["controller.busy"]
    edges = [time - 1 for time, level in found["aclk"] if level == 1 and time]
    for at_work, part in groupby(edges, key=busy.value_at):
        if at_work == 1:
            yield list(part)


def samples(found: Mapping[str, Any], edges: Sequence[int]) -> Mapping[str, Sequence[int]]:
    """What the signals are at these times."""

    def both(stream: str, first: str, second: str) -> list[int]:
        ends = (found[f"{stream}{name}"] for name in (first, second))
        pairs = [[end.value_at(time) for time in edges] for end in ends]
        return [int(a == b == 1) for a, b in zip(*pairs, strict=True)]

    values = {"index": [found["controller.index"].value_at(time) for time in edges]}
    for name in READS:
        values[name] = both(f"engine.fetcher.{name}_data__", "valid", "ready")
    for name in ("weights", "results"):
        values[f"core_{name}"] = both(f"{CORE}{name}__", "valid", "ready")
    values["write"] = both("m_axi_w", "valid", "ready")
    return values


def spans(flags: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First cycle and length of each stretch in which a flag is set."""
    at = 0
    for level, part in groupby(flags):
        length = len(list(part))
        if level:
            yield at, length
        at += length


def npu_run_picture() -> str:
    """The picture, an SVG."""
    runs = recorded()
    longest = max(len(values["index"]) for values in runs.values())
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts = []
    for panel, (bits, values) in enumerate(runs.items()):
        parts += _panel(PANEL * panel, bits, values, scale)
    parts += _legend(PANEL * len(runs) + 8)
    height = PANEL * len(runs) + 34
    title = "Two layers on the NPU at k = 8 and at k = 2, from start to interrupt"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _panel(top: int, bits: int, values: Mapping[str, Sequence[int]], scale: float) -> list[str]:
    """One run: a row for each of `ROWS`."""
    cycles = len(values["index"])
    parts = [_text(16, top + 26, f"k = {bits}", "t"), _text(80, top + 26, f"{cycles:,} cycles", "")]
    places = {}
    for number, name in enumerate(ROWS):
        places[name] = y = top + 42 + number * (ROW + GAP)
        parts.append(_text(LEFT - 10, y + 15, name, "e"))
        parts.append(_bar(LEFT, y, cycles * scale, IDLE))

    def draw(row: str, flags: Sequence[int], colour: str) -> None:
        for first, length in spans(flags):
            parts.append(_bar(LEFT + first * scale, places[row], max(length * scale, 0.6), colour))

    for name, colour in READS.items():
        draw("bus reads", values[name], colour)
    works = list(zip(values["index"], values["core_weights"], strict=True))
    last = max(index for index, at_work in works if at_work)  # the first may come by bands
    for second, colour in enumerate(WORKS):
        part = [int(at_work and (index == last) == second) for index, at_work in works]
        draw("array works", part, colour)
    draw("results leave", values["core_results"], LEAVES)
    draw("bus writes", values["write"], WRITES)
    y = places[ROWS[-1]] + ROW + 16
    step = 1000 if cycles > 2000 else 500
    parts += [_text(LEFT + at * scale, y, f"{at:,}", "s") for at in range(0, cycles, step)]
    return parts


def _legend(y: int) -> list[str]:
    parts, x = [], 16
    entries = [(f"{what} read", colour) for what, colour in zip(READ, READS.values(), strict=True)]
    entries += zip(("first layer", "second layer"), WORKS, strict=True)
    for label, colour in entries:
        parts += [_bar(x, y, 14, colour, height=14), _text(x + 20, y + 12, label, "")]
        x += 44 + 7 * len(label)
    return parts


def _bar(x: float, y: float, width: float, colour: str, *, height: int = ROW) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, label: str, style: str) -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y}"{kind}>{label}</text>'
