"""The picture of a waveform: what `truncmac sim --waves` records, drawn from its VCD."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pywellen
import wavedrom

from tools.docs.timing import levels
from truncmac.hw.config import ArrayConfig

ARRAY = "--rows 2 --cols 2 --lanes 2 --max-reduction 16 -k 8,2 --count 3 --stall 0.2 --seed 1"
WIDTH = ArrayConfig(2, 2, 2, max_reduction=16).sum_width
CYCLES = range(20, 68)  # out of reset: two tiles
HARNESS = "truncmac_harness."
BITS = {
    "tiles": ("waves.tile_taken",),
    "activations": ("waves.activations_taken",),
    "weights": ("waves.weights_taken",),
    "results": ("waves.results_taken",),
}
WORDS = {
    "tiles": ("waves.k",),
    "activations": ("waves.row[0].lane[0].activation",),
    "weights": ("waves.column[0].lane[0].chunk",),
    "PE 0, 0": ("core.array.row_0.cluster_0.pe_0_0.dot",),
    "results": ("waves.unit[0].result",),
}


def samples(vcd):
    """Each variable's values just before the rising edges of the clock, out of reset, by name."""
    found = {
        variable.full_name.removeprefix(HARNESS): variable.signal
        for variable in pywellen.Waveform(str(vcd)).all_vars()
    }
    clock, reset = found["waves.clk"], found["waves.rst"]
    edges = [time - 1 for time, level in clock if level == 1]
    edges = [time for time in edges if reset.value_at(time) == 0]
    shown = [edges[cycle] for cycle in CYCLES]
    names = [name for groups in (BITS, WORDS) for group in groups.values() for name in group]
    values = {name: [found[name].value_at(time) for time in shown] for name in names}
    for name in WORDS["results"]:
        values[name] = [value - (value >> WIDTH - 1 << WIDTH) for value in values[name]]
    return values


def held(values):
    """WaveDrom's form of a word that is always there: a box for as long as it stays."""
    changes = [index == 0 or value != values[index - 1] for index, value in enumerate(values)]
    data = [str(value) for value, new in zip(values, changes, strict=True) if new]
    return {"wave": "".join("=" if new else "." for new in changes), "data": data}


def recorded():
    """The VCD's values, from a run on Icarus."""
    with tempfile.TemporaryDirectory() as folder:
        vcd = Path(folder) / "run.vcd"
        arguments = ["sim", "--simulator", "icarus", *ARRAY.split(), "--waves", str(vcd)]
        command = [sys.executable, "-c", "from truncmac.cli import main; main()", *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=os.environ)
        return samples(vcd)


def picture():
    """The picture as SVG."""
    values = recorded()
    rows = [{"name": "clk", "wave": "P" + "." * (len(CYCLES) - 1)}]
    for group in dict.fromkeys((*BITS, *WORDS)):
        rows.append({})
        for name in BITS.get(group, ()):
            rows.append({"name": name.removeprefix("waves.")} | levels(values[name]))
        for name in WORDS.get(group, ()):
            rows.append({"name": name.removeprefix("waves.")} | held(values[name]))
    drawing = {"signal": rows, "config": {"hscale": 1}}
    return wavedrom.WaveDrom().render_waveform(0, drawing).tostring()
