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
    console: Terminal,
    simulator: str,
    what: str = "array",
    jobs_named: str = "matrix products on the RTL",
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Progress of a simulation: a callback for its start and one for each job that is done.

    The first is called with the number of jobs once the array is built, the second with how many
    of them are done.

    Parameters
    ----------
    what, jobs_named : what is built, and what then runs, in messages
    """
    start = time.monotonic()
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    hidden = not console.is_terminal  # elsewhere a bar would be a line after the other
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(f"Building the {what} for {simulator}", total=None)

        def on_build(jobs: int) -> None:
            seconds = time.monotonic() - start
            console.note(f"{what[0].upper()}{what[1:]} built for {simulator} in {seconds:.0f} s")
            console.note(f"Running {jobs} {jobs_named} ...")
            progress.update(task, description="Running on the RTL", total=jobs)

        yield on_build, lambda done: progress.update(task, completed=done)
    console.note(f"RTL run finished after {time.monotonic() - start:.0f} s")
