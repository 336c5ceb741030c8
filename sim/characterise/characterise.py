"""Characterises a PE shape: measures netlists, fits the energies of events, writes the figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import STATED, WIRES, write_figures
from truncmac.sim.energy.model import Characterisation, read
from truncmac.sim.energy.runs import LayerRun, NetworkError, network_errors
from truncmac.sim.netlist.library import Library
from truncmac.sim.netlist.mapping import MappingOptions
from truncmac.sim.netlist.timing import fo4

from .assembly import MeasuredArray, core_figures
from .measure import Core
from .plan import Plan, Run, Runs, measure_size

__all__ = ["TARGET_FO4", "Characterised", "characterise", "default_period", "layer_runs"]

TARGET_FO4 = 64.0  # of synthesis: the period it sizes cells for, in FO4 inverters


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
    runs, arrays = Runs(), []
    for config in [*plan.sizes, *plan.held_sizes]:
        on_step(f"Synthesising {config.rows} x {config.cols}")
        core = Core(config, plan.library, options, cache)
        arrays.append(MeasuredArray.of(core, held_out=config in plan.held_sizes))
        measure_size(core, plan, runs, on_step)
    write_figures(core_figures(plan, runs, arrays), out)
    return Characterised(read(out), layer_runs(plan, runs))


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
        network=plan.workload.network if run.own else plan.workload.held_out,
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
        measured_pj=m.totals_fj[WIRES.index(STATED)] / 1e3,
    )
