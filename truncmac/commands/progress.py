"""Progress of what takes long: a bar on a terminal, and plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from truncmac.terminal import Terminal

__all__ = ["progress_bar", "simulation"]


def progress_bar(console: Terminal, *, quiet: bool = False) -> Progress:
    """A bar with the time that is left, on a terminal only, and not at all if `quiet`."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )


@contextmanager
def simulation(
    console: Terminal, simulator: str
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Progress of a simulation: a callback for its start and one for each job that is done.

    The first is called with the number of jobs once the array is built, the second with how many
    of them are done.
    """
    start = time.monotonic()
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    hidden = not console.is_terminal  # elsewhere a bar would be a line after the other
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(f"Building the array for {simulator}", total=None)

        def on_build(jobs: int) -> None:
            console.note(f"Array built for {simulator} in {time.monotonic() - start:.0f} s")
            console.note(f"Running {jobs} matrix products on the RTL ...")
            progress.update(task, description="Running on the RTL", total=jobs)

        yield on_build, lambda done: progress.update(task, completed=done)
    console.note(f"RTL run finished after {time.monotonic() - start:.0f} s")
