"""What `truncmac train --trials` does: tries changes to a recipe, and judges the best of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from truncmac.golden.types import Reals
from truncmac.model.data import dataset
from truncmac.model.trials import BASELINE, TRIALS, Trials
from truncmac.terminal import new_table

from .run import TrainRequest, console
from .several import by_width, means, several_runs

__all__ = ["train_trials"]


def train_trials(request: TrainRequest, seeds: Sequence[int], *, chosen: str, go_on: bool) -> None:
    """Try changes to the recipe on held-out images, and judge the best on the test images.

    `chosen` are the changes' names with commas between, or "all".
    """
    changes = _chosen(chosen)
    split = dataset(request.dataset, request.data)
    count = (len(changes) + 2) * len(seeds)
    with several_runs(request, "trials", split, count=count, go_on=go_on) as (
        processes,
        results,
        tell,
    ):
        trials = Trials(request.network, split, request.recipe, results, changes, processes, tell)
        trials.try_out(seeds)
        tried = {name: trials.shares(name, seeds) for name in changes}
        tried[f"{BASELINE}, not calibrated"] = trials.shares(BASELINE, seeds, "trained")
        names = dict.fromkeys((BASELINE, trials.best(seeds)))
        judged = {name: trials.judge(name, seeds) for name in names}
        judged[f"{BASELINE}, not calibrated"] = trials.judge(BASELINE, seeds, "trained")
        if processes.rank == 0:
            if request.as_json:
                print(json.dumps(_trials_numbers(request, tried, judged), indent=2))
            else:
                console.print(_trials_table(request, tried, "held-out images", len(seeds)))
                console.print(
                    _trials_table(request, judged, "test images, other seeds", len(seeds))
                )
            console.print(f"Written: {request.out / 'trials.json'}", soft_wrap=True)


def _chosen(names: str) -> Mapping[str, Mapping[str, Any]]:
    """The changes of these names, and the baseline."""
    wanted = list(TRIALS) if names == "all" else [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in TRIALS:
            raise ValueError(f"--changes must be all or some of {', '.join(TRIALS)}, not {name!r}")
    return {name: TRIALS[name] for name in dict.fromkeys((BASELINE, *wanted))}


def _trials_numbers(
    request: TrainRequest, tried: Mapping[str, Reals], judged: Mapping[str, Reals]
) -> dict[str, Any]:
    """The trials' accuracies by change: for each k those of the runs, in their order."""
    widths = request.recipe.widths
    return {
        "network": request.network,
        "dataset": request.dataset,
        "held_out": {name: by_width(widths, values) for name, values in tried.items()},
        "test": {name: by_width(widths, values) for name, values in judged.items()},
        "files": [str(request.out / "trials.json")],
    }


def _trials_table(request: TrainRequest, found: dict[str, Reals], where: str, seeds: int) -> Table:
    """Mean accuracy at each k, and what is gained at the lowest, seed by seed."""
    widths = request.recipe.widths
    lowest = widths.index(min(widths))
    columns = ["change", *(f"k = {bits}" for bits in widths), f"gain at {min(widths)}"]
    rows = []
    for name, values in found.items():
        gain = values[:, lowest] - found[BASELINE][:, lowest]
        rows.append([name, *means(values), "" if name == BASELINE else means(gain[:, None])[0]])
    title = f"{request.network} on {request.dataset}: accuracy in % on {where}, {seeds} seeds"
    return new_table(columns, rows, words=columns, title=title)
