"""What `truncmac explore` does: settings of file and flags, progress, tables and files."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from truncmac.exploration.page import page, plot_library
from truncmac.golden.files import write_bytes
from truncmac.sim.explore.evaluation import Evaluator, evaluator_of
from truncmac.sim.explore.folder import SCHEMA, ExplorationFolder, read_spec, versions
from truncmac.sim.explore.found import Exploration
from truncmac.sim.explore.run import executor, explore_all
from truncmac.sim.explore.search import chosen_method, search
from truncmac.sim.explore.settings import load_settings, spec_of
from truncmac.sim.explore.spec import Spec
from truncmac.sim.explore.tables import csv_text
from truncmac.terminal import STYLE, Terminal

from .common import progress_bar

__all__ = ["Request", "explore", "merged_settings", "show_point"]

Rows = dict[str, npt.NDArray[Any]]
SHOWN = ("rows", "cols", "lanes", "planes", "requantisers")
MOST_LINES = 40  # of a front on screen
BOUND = re.compile(r"\s*(\w+)\s*(<=|>=)\s*([-+.\deE]+)\s*")
console = Terminal()


@dataclass(frozen=True)
class Request:
    """How to run: nothing of it changes the results.

    Attributes
    ----------
    scheduler : address of a Dask scheduler, or None
    workers : processes; 0: this one; None: as many as pay
    csv : write all rows as CSV too
    plot : picture of the fronts to write, or None
    verify : points of the front, and as many at random, to run on the RTL
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
    options: Mapping[str, Any],
    space: Mapping[str, Any],
    search_options: Mapping[str, Any],
    bounds: Sequence[str],
) -> Spec:
    """The spec of a file, options given on the command line taking the place of its own.

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
        "search": search_options,
        "constraints": _bounds(bounds),
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
                f"--where must be such as 'images_per_s>=30' or 'pes<=256', not {text!r}"
            ) from None
    return bounds


def explore(spec: Spec, request: Request) -> bool:
    """Explore, show and write what was found; False if --verify found a difference."""
    if request.plot is not None and len(spec.objectives) < 2:
        raise ValueError("--plot must come with two objectives or more, not with one")
    plot_library()  # raises if it is missing, before anything runs
    with progress_bar(console, quiet=request.as_json) as progress:
        task = progress.add_task("Reading the workloads", total=None)
        evaluator = evaluator_of(
            spec, on_progress=lambda what: progress.update(task, description=what)
        )
        folder = ExplorationFolder(request.out, evaluator)
        folder.begin(request.resume)
        method = chosen_method(spec)
        run_all = explore_all if method == "exhaustive" else search
        progress.update(task, description=f"Evaluating designs ({method})")
        cores = os.cpu_count() or 1
        with executor(folder, request.scheduler, request.workers, cores) as run:
            found = run_all(
                folder,
                run,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
    files = _write(folder, found, request)
    if request.as_json:
        print(json.dumps(as_dictionary(folder, found), indent=2))
    else:
        _show(folder, found, files)
    if not request.verify:
        return True
    from truncmac.exploration.verify import verify

    return verify(evaluator, found, request.verify, request.as_json)


def _write(folder: ExplorationFolder, found: Exploration, request: Request) -> list[Path]:
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


def rtl_command(evaluator: Evaluator, row: Mapping[str, Any]) -> str:
    """The command that builds a row's array."""
    sizes = " ".join(f"--{name} {int(row[name])}" for name in SHOWN)
    return f"truncmac rtl {sizes} --max-reduction {evaluator.max_reduction}"


def with_commands(evaluator: Evaluator, rows: Rows) -> Rows:
    """Rows, and for each the command that builds its array."""
    if not rows:
        return rows
    commands = [rtl_command(evaluator, row) for row in records(rows)]
    return {**rows, "command": np.array(commands, dtype=str)}


def records(rows: Rows) -> list[dict[str, Any]]:
    """Rows one by one, as plain values; what is not a number is None."""
    columns = [
        [None if isinstance(v, float) and not np.isfinite(v) else v for v in column.tolist()]
        for column in rows.values()
    ]
    return [dict(zip(rows, values, strict=True)) for values in zip(*columns, strict=True)]


def as_dictionary(folder: ExplorationFolder, found: Exploration) -> dict[str, Any]:
    """All of front.json."""
    spec = folder.evaluator.spec
    return {
        "schema": SCHEMA,
        "digest": folder.digest,
        "versions": versions(),
        "figures": about_figures(folder.evaluator),
        "method": chosen_method(spec),
        "spec": spec.as_dictionary(),
        "space": len(spec.design_space),
        "max_reduction": folder.evaluator.max_reduction,
        "designs": found.designs,
        "rows": found.entries,
        "feasible": found.feasible,
        "unknown": found.unknown,
        "too_fast": found.too_fast,
        "notes": notes(folder.evaluator, found),
        "front": records(with_commands(folder.evaluator, found.fronts.table)),
    }


def about_figures(evaluator: Evaluator) -> str | None:
    """Where energy and area come from."""
    if evaluator.figures is None:
        return None
    names = {figures.library for figures in evaluator.figures.shapes.values()}
    return f"{'; '.join(sorted(names))}; the core's, without memories"


def notes(evaluator: Evaluator, found: Exploration) -> list[str]:
    """What is not known of the designs, and why some do not count."""
    figures, placed = evaluator.figures, evaluator.placed
    lines: list[str] = []
    missing = evaluator.without_figures
    if figures is not None and missing:
        lines.append(
            f"{figures.library} has no figures of {'; '.join(missing)}: energy is unknown there. "
            "truncmac characterise makes figures."
        )
    if placed is not None:
        lines.append(
            f"{len(placed.results):,} arrays were placed and routed ({placed.folder}): what others "
            "take of an FPGA is unknown. truncmac fpga --designs places those of a front."
        )
    if found.unknown:
        lines.append(
            f"{found.unknown:,} rows do not count: they lack a value that an objective or a "
            "constraint needs."
        )
    if found.too_fast:
        lines.append(
            f"{found.too_fast:,} rows do not count: their clock_mhz is more than their fmax_mhz "
            "or fpga_mhz."
        )
    return lines


def _show(folder: ExplorationFolder, found: Exploration, files: Sequence[Path]) -> None:
    spec = folder.evaluator.spec
    console.print(
        f"{found.designs:,} of {len(spec.design_space):,} designs, {found.entries:,} rows, "
        f"{found.feasible:,} keep the constraints"
        + (f"; {found.reused} finished chunks were there already" if found.reused else "")
    )
    for line in notes(folder.evaluator, found):
        console.print(f"Note: {line}", soft_wrap=True)
    for (workload, k), front in found.fronts.groups.items():
        console.print(_table(spec, workload, k, front.table))
    console.print(f"Written: {', '.join(map(str, files))}", soft_wrap=True)


def _table(spec: Spec, workload: str, k: int, rows: Rows) -> Table:
    whole = "worst of all workloads" if spec.front == "worst" else "all workloads"
    what = f"{workload or whole}{f' at k = {k}' if k else ''}"
    table = Table(title=f"Pareto front of {what}", **STYLE)
    varied = [name for name, values in spec.space.items() if len(values) > 1]
    names = dict.fromkeys(
        [
            "point",
            *(["workload"] if not workload else []),
            *SHOWN,
            *varied,
            *(["bits"] if not k else []),
            *spec.objectives,
            *spec.constraints,
        ]
    )
    for name in names:
        table.add_column(name, justify="right")
    if not rows:
        table.caption = "No design keeps the constraints"
        return table
    shown = records({name: rows[name][:MOST_LINES] for name in names})
    for row in shown:
        table.add_row(*(_text(value) for value in row.values()))
    count = len(rows["point"])
    if count > MOST_LINES:
        table.caption = f"{MOST_LINES} of {count}; all are in front.csv"
    return table


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show_point(text: str, as_json: bool) -> bool:
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
        raise ValueError(f"{path}: there is no array of the sizes of point {number}")
    found = records(rows)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _show_point(found)
    kept = json.loads(path.read_bytes()).get("front", [])
    try:
        recorded = [row for row in kept if row["point"] == int(number)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: front must be a list of points: {error!r}") from error
    same = spec.front == "worst" or all(row in found for row in recorded)
    if recorded and not as_json:
        if same:
            console.print("As in the file")
        else:
            console.print(f"Not as in {path}: another version?", style="bold red", soft_wrap=True)
    return same


def _show_point(found: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title=f"Point {found[0]['point']}", **STYLE)
    names = ("workload", "bits", "cycles", "latency_ms", "images_per_s", "utilisation")
    for name in names:
        table.add_column(name, justify="right")
    for row in found:
        table.add_row(*(_text(row[name]) for name in names))
    console.print(table)
    console.print(found[0]["command"], soft_wrap=True)
