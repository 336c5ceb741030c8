"""What `truncmac train --study` does: compares training schemes, as the paper's table does."""

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from truncmac.model.data import dataset
from truncmac.model.study import SCENARIOS, WIDTHS, Study, plot, study
from truncmac.terminal import new_table

from .run import TrainRequest, console
from .several import by_width, means, several_runs

__all__ = ["study_table", "train_study"]


def train_study(request: TrainRequest, seeds: Sequence[int], *, go_on: bool) -> None:
    """Print the paper's table for a network and a data set, draw it, and keep its figures."""
    split = dataset(request.dataset, request.data)
    schemes = {scenario.trained for scenario in SCENARIOS}
    count = len(schemes) * len(seeds)
    with several_runs(request, "study", split, count=count, go_on=go_on) as (
        processes,
        results,
        tell,
    ):
        result = study(request.network, split, request.recipe, seeds, results, processes, tell)
        if processes.rank == 0:
            plot(result, request.out / "study.svg")
            if request.as_json:
                print(json.dumps(_study_numbers(request, result, seeds), indent=2))
            else:
                console.print(study_table(result))
            console.print(
                f"Written: {request.out / 'study.svg'}, and its figures in study.json",
                soft_wrap=True,
            )


def _study_numbers(request: TrainRequest, result: Study, seeds: Sequence[int]) -> dict[str, Any]:
    """The study's accuracies by scenario: for each k those of the seeds, in their order."""
    return {
        "network": result.network,
        "dataset": result.dataset,
        "trained": list(result.trained),
        "seeds": list(seeds),
        "accuracies": {
            name: by_width(WIDTHS, values) for name, values in result.accuracies.items()
        },
        "files": [str(request.out / name) for name in ("study.json", "study.svg")],
    }


def study_table(result: Study) -> Table:
    """Mean accuracy and its deviation over the seeds, for each scenario and k."""
    count = len(next(iter(result.accuracies.values())))
    columns = ("k", *result.accuracies)
    names = [f"{k}" if k in result.trained else f"{k} (calibrated)" for k in WIDTHS]
    rows = zip(names, *map(means, result.accuracies.values()), strict=True)
    title = f"{result.network} on {result.dataset}: test accuracy in %, {count} seeds"
    return new_table(columns, rows, words=columns, title=title)
