"""Runs the console blocks of the documents, and compares or writes what they print.

    python -m tools.docs.run [--write] [--quick] PAGE...

In a block of ```console a line that begins with "$ " is a command, which a backslash continues on
the next line; the lines below it are what it prints. A block with title="NAME", of any language,
is written to that file. A page's blocks run in order in one new folder. Before a block stands

    <!-- slow -->             if only a run without --quick executes it
    <!-- not run: reason -->  if nothing does

Times in seconds may differ; all else must be as printed. --write puts what was printed in place.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"(?ms)^(?:<!-- (?P<mark>slow|not run: [^>]+) -->\n+)?"
    r'```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$'
)
TIME = re.compile(r"\b\d+(\.\d+)? s\b")
PAGES = (
    "../README.md",
    "tutorial.md",
    *(
        f"howto/{name}.md"
        for name in (
            "axi-system",
            "cluster",
            "instantiate",
            "liberty",
            "own-network",
            "rtl-runs",
            "waveforms",
        )
    ),
    "explanation/lanes.md",
    "explanation/planes.md",
    "reference/numerics.md",
)


@dataclass(frozen=True)
class Step:
    """A command as written, and what is printed below it."""

    command: str
    shown: str


def steps(body):
    """The commands of a console block, each with its output."""
    found, command, lines = [], [], []
    for line in body.splitlines():
        if command and command[-1].endswith("\\"):
            command.append(line)
        elif line.startswith("$ "):
            if command:
                found.append(Step("\n".join(command), "\n".join(lines)))
            command, lines = [line], []
        else:
            lines.append(line)
    return [*found, Step("\n".join(command), "\n".join(lines))]


def run(command, folder):
    """What a command prints, messages included, without blanks at the ends of lines."""
    environment = os.environ | {
        "COLUMNS": "100",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("FORCE_COLOR", None)
    result = subprocess.run(
        ["/bin/bash", "-c", command.removeprefix("$ ")],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    text = "\n".join(line.rstrip() for line in result.stdout.splitlines()).strip("\n")
    if result.returncode:
        raise RuntimeError(f"{command}\nended with {result.returncode}:\n{text}")
    return text


def played(text, *, quick):
    """`text` with the outputs of its commands as they are now, where they differ."""

    def block(match):
        mark, body = match["mark"] or "", match["body"]
        if match["title"]:
            path = Path(folder) / match["title"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        if match["kind"] != "console" or mark.startswith("not run") or (quick and mark == "slow"):
            return match.group()
        made = "".join(
            f"{step.command}\n{printed}\n" if printed else f"{step.command}\n"
            for step in steps(body)
            for printed in [_printed(step)]
        )
        return match.group().replace(body, made)

    def _printed(step):
        now = run(step.command, folder)
        same = TIME.sub("N s", now) == TIME.sub("N s", step.shown.strip("\n"))
        return step.shown.strip("\n") if same else now

    with tempfile.TemporaryDirectory() as folder:
        return FENCE.sub(block, text)


def main():
    """Check or write the pages that are named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    pages = options.pages or [p for glob in PAGES for p in sorted((ROOT / "docs").glob(glob))]
    stale = []
    for page in pages:
        print(page)
        text = page.read_text()
        made = played(text, quick=options.quick)
        if made != text and options.write:
            page.write_text(made)
        elif made != text:
            stale += [f"{page}: {a!r}" for a in set(made.splitlines()) - set(text.splitlines())]
    if stale:
        sys.exit("Other output now, run make docs:\n" + "\n".join(stale))


if __name__ == "__main__":
    main()
