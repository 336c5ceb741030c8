"""What `truncmac train --study` and `--trials` do: many runs, each kept when it is finished."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.table import Table

from truncmac.golden.types import Reals
from truncmac.model.data import dataset
from truncmac.model.images import Split
from truncmac.model.processes import Processes
from truncmac.model.results import Results, about, spread
from truncmac.model.study import SETTINGS, WIDTHS, Study, plot, study
from truncmac.model.trials import BASELINE, TRIALS, Trials
from truncmac.terminal import STYLE

from .common import progress_bar
from .train import Run, console

__all__ = ["train_study", "train_trials"]

OnEpoch = Callable[[str, int, int], None]


def train_study(run: Run, seeds: Sequence[int], go_on: bool) -> None:
    """Print the paper's table for a network and a data set, draw it, and keep its figures."""
    split = dataset(run.dataset, run.data)
    schemes = {setting.trained for setting in SETTINGS}
    with _many(run, "study", split, len(schemes) * len(seeds), go_on) as (processes, results, tell):
        result = study(run.network, split, run.recipe, seeds, results, processes, tell)
        if processes.rank == 0:
            plot(result, run.out / "study.svg")
            if run.as_json:
                print(json.dumps(_study_numbers(run, result, seeds), indent=2))
            else:
                console.print(study_table(result))
            console.print(
                f"Written: {run.out / 'study.svg'}, and its figures in study.json", soft_wrap=True
            )


def train_trials(run: Run, seeds: Sequence[int], go_on: bool, chosen: str) -> None:
    """Try changes to the recipe on held-out images, and judge the best on the test images.

    `chosen` are the changes' names with commas between, or "all".
    """
    changes = _chosen(chosen)
    split = dataset(run.dataset, run.data)
    count = (len(changes) + 2) * len(seeds)
    with _many(run, "trials", split, count, go_on) as (processes, results, tell):
        trials = Trials(run.network, split, run.recipe, results, changes, processes, tell)
        trials.try_out(seeds)
        tried = {name: trials.shares(name, seeds) for name in changes}
        tried[f"{BASELINE}, not calibrated"] = trials.shares(BASELINE, seeds, "trained")
        names = dict.fromkeys((BASELINE, trials.best(seeds)))
        judged = {name: trials.judge(name, seeds) for name in names}
        judged[f"{BASELINE}, not calibrated"] = trials.judge(BASELINE, seeds, "trained")
        if processes.rank == 0:
            if run.as_json:
                print(json.dumps(_trials_numbers(run, tried, judged), indent=2))
            else:
                console.print(_trials_table(run, tried, "held-out images", len(seeds)))
                console.print(_trials_table(run, judged, "test images, other seeds", len(seeds)))
            console.print(f"Written: {run.out / 'trials.json'}", soft_wrap=True)


def _chosen(names: str) -> Mapping[str, Mapping[str, Any]]:
    """The changes of these names, and the baseline."""
    wanted = list(TRIALS) if names == "all" else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in TRIALS:
            raise ValueError(f"--changes must be all or some of {', '.join(TRIALS)}, not {name!r}")
    return {name: TRIALS[name] for name in dict.fromkeys((BASELINE, *wanted))}


@contextmanager
def _many(
    run: Run, kind: str, split: Split, count: int, go_on: bool
) -> Iterator[tuple[Processes, Results, OnEpoch]]:
    """Processes, the results so far, and what to call after each epoch of `count` runs."""
    processes = Processes.start(run.device)
    first = processes.rank == 0
    try:
        description = about(kind, run.network, split.name, run.recipe)
        results = Results(run.out / f"{kind}.json", description, go_on=go_on, writes=first)
        done: dict[tuple[str, int], int] = {}
        with progress_bar(console, quiet=not first) as bar:
            task = bar.add_task(kind, total=count * run.recipe.epochs)

            def on_epoch(name: str, seed: int, epoch: int) -> None:
                done[name, seed] = epoch
                text = f"{name}, seed {seed}, epoch {epoch}"
                bar.update(task, completed=sum(done.values()), description=text)
                if first and not console.is_terminal:
                    console.print(text)

            yield processes, results, on_epoch
    finally:
        processes.stop()


def _study_numbers(run: Run, result: Study, seeds: Sequence[int]) -> dict[str, Any]:
    """The study's accuracies by setting: for each k those of the seeds, in their order."""
    return {
        "network": result.network,
        "dataset": result.dataset,
        "trained": list(result.trained),
        "seeds": list(seeds),
        "accuracies": {
            name: _by_width(WIDTHS, values) for name, values in result.accuracies.items()
        },
        "files": [str(run.out / name) for name in ("study.json", "study.svg")],
    }


def _trials_numbers(
    run: Run, tried: Mapping[str, Reals], judged: Mapping[str, Reals]
) -> dict[str, Any]:
    """The trials' accuracies by change: for each k those of the runs, in their order."""
    widths = run.recipe.widths
    return {
        "network": run.network,
        "dataset": run.dataset,
        "held_out": {name: _by_width(widths, values) for name, values in tried.items()},
        "test": {name: _by_width(widths, values) for name, values in judged.items()},
        "files": [str(run.out / "trials.json")],
    }


def _by_width(widths: Sequence[int], shares: Reals) -> dict[str, list[float]]:
    """Shares (runs, widths) by k as text."""
    return {str(k): column.tolist() for k, column in zip(widths, shares.T, strict=True)}


def study_table(result: Study) -> Table:
    """Mean accuracy and its deviation over the seeds, for each setting and k."""
    count = len(next(iter(result.accuracies.values())))
    table = Table(
        "k",
        *result.accuracies,
        title=f"{result.network} on {result.dataset}: test accuracy in %, {count} seeds",
        **STYLE,
    )
    columns = [_cells(values) for values in result.accuracies.values()]
    for bits, *cells in zip(WIDTHS, *columns, strict=True):
        table.add_row(f"{bits}" if bits in result.trained else f"{bits} (calibrated)", *cells)
    return table


def _trials_table(run: Run, found: dict[str, Reals], where: str, seeds: int) -> Table:
    """Mean accuracy at each k, and what is gained at the lowest, seed by seed."""
    widths = run.recipe.widths
    lowest = widths.index(min(widths))
    table = Table(
        "change",
        *(f"k = {bits}" for bits in widths),
        f"gain at {min(widths)}",
        title=f"{run.network} on {run.dataset}: accuracy in % on {where}, {seeds} seeds",
        **STYLE,
    )
    for name, values in found.items():
        gain = values[:, lowest] - found[BASELINE][:, lowest]
        table.add_row(name, *_cells(values), "" if name == BASELINE else _cells(gain[:, None])[0])
    return table


def _cells(values: Reals) -> list[str]:
    """Mean and deviation of each column, in percent; one seed has no deviation."""
    return [
        f"{mean:.2f}" if np.isnan(deviation) else f"{mean:.2f} +- {deviation:.2f}"
        for mean, deviation in zip(*spread(values), strict=True)
    ]
