"""What `truncmac explore` does: settings of file and flags, progress, tables and files."""

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.exploration.document import as_dictionary, notes, records, with_commands
from truncmac.exploration.page import page, plot_library
from truncmac.exploration.tables import front_table, point_table
from truncmac.golden.files import alone, write_bytes
from truncmac.sim.explore.evaluation import Evaluator
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.folder import ExplorationFolder, read_spec
from truncmac.sim.explore.found import Exploration
from truncmac.sim.explore.npus import NpuEvaluator
from truncmac.sim.explore.recount import recount
from truncmac.sim.explore.run import executor, explore_all
from truncmac.sim.explore.search import chosen_method, search
from truncmac.sim.explore.settings import load_settings, spec_of
from truncmac.sim.explore.spec import Spec
from truncmac.sim.explore.tables import csv_text
from truncmac.sim.explore.verify import Verdict, choose_entries, verify_entry
from truncmac.terminal import Terminal

from .progress import progress_bar

__all__ = ["ExploreRequest", "explore", "merged_settings", "show_point"]

MOST_DIFFERENCES = 10  # that are shown of a point
BOUND = re.compile(r"\s*(\w+)\s*(<=|>=)\s*([-+.\deE]+)\s*")
console = Terminal()


@dataclass(frozen=True, kw_only=True)
class ExploreRequest:
    """How to explore a spec: nothing of it changes what is found.

    Attributes
    ----------
    out : the folder to write to
    resume : keep the finished chunks in it
    scheduler : address of a Dask scheduler, or None
    workers : processes; 0: this one; None: as many as pay
    csv : write all rows as CSV too
    plot : picture of the fronts to write, or None
    verify : points of the fronts, and as many at random, to run on the RTL, or to count again
    as_json : print JSON instead of tables
    """

    out: Path
    resume: bool = False
    scheduler: str | None = None
    workers: int | None = None
    csv: bool = False
    plot: Path | None = None
    verify: int = 0
    as_json: bool = False


def merged_settings(
    file: Path | None,
    *,
    options: Mapping[str, Any],
    space: Mapping[str, Any],
    search: Mapping[str, Any],
    constraints: Sequence[str],
) -> Spec:
    """The spec of a file, with options given on the command line in the place of its own.

    Parameters
    ----------
    options, space, search : values by key of the file's top and of its tables; None: not given
    constraints : texts such as "pes<=256", which join those of the file

    Raises
    ------
    ValueError
        Names the file, or the command line, and the key that is wrong.
    """
    settings = load_settings(file) if file is not None else {}
    source = str(file) if file is not None else "command line"
    given = {key: value for key, value in options.items() if value is not None}
    tables: dict[str, Mapping[str, Any]] = {
        "space": space,
        "search": search,
        "constraints": _bounds(constraints),
    }
    for name, table in tables.items():
        own = settings.get(name, {})
        more = {key: value for key, value in table.items() if value is not None}
        if more and isinstance(own, Mapping):
            given[name] = {**own, **more}
    return spec_of({**settings, **given}, source)


def _bounds(texts: Sequence[str]) -> dict[str, dict[str, float]]:
    bounds: dict[str, dict[str, float]] = {}
    for text in texts:
        match = BOUND.fullmatch(text)
        try:
            name, sign, number = match.groups() if match else ("", "", "")
            bounds.setdefault(name, {})["min" if sign == ">=" else "max"] = float(number)
        except ValueError:
            raise ValueError(
                "--where must be a column and its bound, such as 'images_per_s>=30' or "
                f"'pes<=256', not {text!r}"
            ) from None
    return bounds


def explore(spec: Spec, request: ExploreRequest) -> bool:
    """Explore, show and write what was found; False if --verify found a difference.

    Raises
    ------
    ValueError
        If another run is at work in the folder, or it holds other results.
    """
    if request.plot is not None and len(spec.objectives) < 2:
        raise ValueError("--plot must come with two objectives or more, not with one")
    plot_library()  # raises if it is missing, before anything runs
    with ExitStack() as held:
        with progress_bar(console, quiet=request.as_json) as progress:
            task = progress.add_task("Reading the workloads", total=None)
            evaluator = evaluator_of(
                spec, on_progress=lambda what: progress.update(task, description=what)
            )
            folder = ExplorationFolder(request.out, evaluator)
            held.enter_context(alone(request.out))
            folder.begin(request.resume)
            found = _found(folder, request, partial(progress.update, task))
        files = _write(folder, found, request)
    if request.as_json:
        print(json.dumps(as_dictionary(folder, found), indent=2))
    else:
        _show(folder, found, files)
    return not request.verify or _verify(evaluator, found, request)


def _found(
    folder: ExplorationFolder, request: ExploreRequest, update: Callable[..., None]
) -> Exploration:
    """Evaluate all designs, or those that a search tries; `update` shows how far it is."""
    method = chosen_method(folder.evaluator.spec)
    run_all = explore_all if method == "exhaustive" else search
    update(description=f"Evaluating designs ({method})")
    cores = os.cpu_count() or 1
    with executor(folder, request.scheduler, request.workers, cores) as run:
        return run_all(folder, run, lambda done, total: update(completed=done, total=total))


def _write(folder: ExplorationFolder, found: Exploration, request: ExploreRequest) -> list[Path]:
    out = folder.path
    rows = found.fronts.table
    contents = {
        "front.csv": csv_text(with_commands(folder.evaluator, rows)),
        "front.json": json.dumps(as_dictionary(folder, found), indent=2),
        "report.html": page(
            as_dictionary(folder, found),
            with_commands(folder.evaluator, found.sample.table),
        ),
    }
    for name, text in contents.items():
        write_bytes(out / name, text.encode())
    files = [out / name for name in contents]
    if request.csv:
        folder.write_csv(out / "points.csv")
        files.append(out / "points.csv")
    if request.plot is not None:
        from truncmac.exploration.pictures import draw

        draw(found.fronts, found.sample.table, request.plot)
        files.append(request.plot)
    return files


def _show(folder: ExplorationFolder, found: Exploration, files: Sequence[Path]) -> None:
    spec = folder.evaluator.spec
    console.print(
        f"{found.designs:,} of {len(spec.design_space):,} designs, {found.entries:,} entries, "
        f"{found.feasible:,} meet the constraints"
        + (f"; {found.reused} finished chunks were there already" if found.reused else "")
    )
    for line in notes(folder.evaluator, found):
        console.print(f"Note: {line}", soft_wrap=True)
    for (workload, k), front in found.fronts.groups.items():
        console.print(front_table(spec, workload, k, front.table))
    console.print(f"Written: {', '.join(map(str, files))}", soft_wrap=True)


def _verify(evaluator: Evaluator, found: Exploration, request: ExploreRequest) -> bool:
    """Run points of the fronts and others on the RTL; True if nothing differs."""
    terminal = Terminal(stderr=request.as_json)
    seed = evaluator.spec.seed
    entries = choose_entries(found.fronts.table, found.sample.table, request.verify, seed)
    if not entries:
        raise ValueError("--verify found no design that meets the constraints")
    right = True
    if isinstance(evaluator, NpuEvaluator):
        _recount(evaluator, entries, terminal)
        return True
    for entry in entries:
        start = time.monotonic()
        with terminal.status(f"Point {entry['point']} on the RTL ..."):
            verdict = verify_entry(evaluator, entry)
        terminal.print(_verdict(entry, verdict, time.monotonic() - start), soft_wrap=True)
        for line in verdict.differences[:MOST_DIFFERENCES]:
            terminal.print(line, style="bold red", soft_wrap=True)
        right &= not verdict.differences
    return right


def _recount(
    evaluator: NpuEvaluator, entries: Sequence[Mapping[str, Any]], terminal: Terminal
) -> None:
    """Count points by the model that equals the RTL, and say how far the closed form is off."""
    for entry in entries:
        start = time.monotonic()
        with terminal.status(f"Counting point {entry['point']} ..."):
            found = recount(evaluator, entry)
        line = f"Point {entry['point']}, {entry['workload']} at k = {entry['bits']}: "
        if found is None:
            line += "not counted, the network has no parameters for this k"
        else:
            line += (
                f"{found.explored:,} cycles in closed form, {found.counted:,} of the compiled "
                f"program ({found.error:+.2%}), {time.monotonic() - start:.0f} s"
            )
        terminal.print(line, soft_wrap=True)


def _verdict(entry: Mapping[str, Any], verdict: Verdict, seconds: float) -> str:
    """What ran of a point, and how much of it differs."""
    what = "each different layer cut to a few tiles, random codes" if verdict.cut else "one image"
    return (
        f"Point {entry['point']}, {entry['workload']} at k = {entry['bits']}: {verdict.layers} "
        f"layers ({what}), {verdict.outputs:,} outputs and {verdict.counters} counters, "
        f"{len(verdict.differences)} differences, {seconds:.0f} s"
    )


def show_point(text: str, *, as_json: bool) -> bool:
    """Evaluate a point of a front.json again, FILE#POINT; False if it is not what it was.

    Raises
    ------
    ValueError
        If the file is not one, or has no such point.
    """
    name, mark, number = text.rpartition("#")
    if not mark or not number.isdecimal():
        raise ValueError(f"--point must be FILE#POINT, such as front.json#12, not {text!r}")
    path = Path(name)
    spec = read_spec(path)
    if int(number) >= len(spec.design_space):
        raise ValueError(f"{path}: point must be in 0..{len(spec.design_space) - 1}, not {number}")
    evaluator = evaluator_of(spec)
    rows = with_commands(evaluator, evaluator.evaluate(np.array([int(number)])))
    if not len(rows["point"]):
        raise ValueError(f"{path}: no array can be built with the sizes of point {number}")
    found = records(rows)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        console.print(point_table(found))
        console.print(found[0]["command"], soft_wrap=True)
    kept = json.loads(path.read_bytes()).get("front", [])
    try:
        recorded = [row for row in kept if row["point"] == int(number)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: front must be a list of points: {error!r}") from error
    same = spec.front == "worst" or all(row in found for row in recorded)
    if recorded and not as_json:
        if same:
            console.print("This is what the file holds")
        else:
            console.print(
                f"{path} holds other figures; another version may have written it",
                style="bold red",
                soft_wrap=True,
            )
    return same
