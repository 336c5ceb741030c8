"""Several training runs into one folder: progress of all, and results that are kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np

from truncmac.commands.progress import progress_bar
from truncmac.golden.files import alone
from truncmac.golden.types import Reals
from truncmac.model.images import Split
from truncmac.model.processes import Processes
from truncmac.model.results import Results, describe_runs, spread

from .run import TrainRequest, console

__all__ = ["by_width", "means", "several_runs"]

OnEpoch = Callable[[str, int, int], None]


@contextmanager
def several_runs(
    request: TrainRequest, kind: str, split: Split, *, count: int, go_on: bool
) -> Iterator[tuple[Processes, Results, OnEpoch]]:
    """Processes, the results so far, and what to call after each epoch of `count` runs.

    What is printed meanwhile goes to stderr if stdout is for JSON.
    """
    processes = Processes.start(request.device)
    first = processes.rank == 0
    try:
        description = describe_runs(kind, request.network, split.name, request.recipe)
        done: dict[tuple[str, int], int] = {}
        with (
            alone(request.out) if first else nullcontext(),
            console.on_stderr(request.as_json),
            progress_bar(console, quiet=not first) as bar,
        ):
            path = request.out / f"{kind}.json"
            results = Results(path, description, go_on=go_on, writes=first)
            task = bar.add_task(kind, total=count * request.recipe.epochs)

            def on_epoch(name: str, seed: int, epoch: int) -> None:
                done[name, seed] = epoch
                text = f"{name}, seed {seed}, epoch {epoch}"
                bar.update(task, completed=sum(done.values()), description=text)
                if first and not console.is_terminal:
                    console.print(text)

            yield processes, results, on_epoch
    finally:
        processes.stop()


def by_width(widths: Sequence[int], shares: Reals) -> dict[str, list[float]]:
    """Shares (runs, widths) by k as text."""
    return {str(k): column.tolist() for k, column in zip(widths, shares.T, strict=True)}


def means(values: Reals) -> list[str]:
    """Mean and deviation of each column, in percent; one seed has no deviation."""
    return [
        f"{mean:.2f}" if np.isnan(deviation) else f"{mean:.2f} +- {deviation:.2f}"
        for mean, deviation in zip(*spread(values), strict=True)
    ]
