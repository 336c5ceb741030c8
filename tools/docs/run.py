"""Runs the commands and the Python of the documents, and compares or writes what they print.

    python -m tools.docs.run [--write] [--quick] [PAGE...]

The blocks of a page run in order, in one new folder that is theirs.

- console: a line that begins with "$ " is a command, which a backslash continues on the next line.
  The lines below it are what it prints.
- pycon: statements after ">>> ", with what they print below them. One session serves the page.
- python: a script, which prints nothing.
- A block with title="NAME", of any language, is a file of that name instead.

A block may have marks before it:

    <!-- slow -->                only a run without --quick executes the block
    <!-- not run: reason -->     no run executes it
    <!-- width: 120 -->          from this block on the terminal has 120 columns, instead of 100
    <!-- needs: FILE as NAME --> copies a file of the repository into the folder before
    <!-- gives: NAME as FILE --> a file that the block makes, which must equal one of the repository

Times in seconds may differ. All else must be as it is printed. --write puts what was printed, and
the files that were made, in place.
"""

import argparse
import contextlib
import difflib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from .blocks import FENCE, Block, Example, examples, of_match

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TIME = re.compile(r"\b\d+(\.\d+)? s\b")


class Session:
    """The blocks of one page, run in `folder`: what they print, and the files they give.

    Attributes
    ----------
    made : content of each file that a mark `gives`, by its path in the repository
    """

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        self.quick = quick
        self.width = 100
        self.made: dict[Path, bytes] = {}
        self._names: dict[str, object] = {"__name__": "__main__"}

    def play(self, block: Block) -> str:
        """The block's body as it is to be: with the outputs of now, where they differ."""
        self.width = block.width or self.width
        if block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.body)
            return block.body
        if block.not_run or (self.quick and block.slow):
            return block.body
        for source, name in block.needs:
            shutil.copyfile(ROOT / source, self.folder / name)
        body = self._body(block)
        for name, target in block.gives:
            self.made[ROOT / target] = (self.folder / name).read_bytes()
        return body

    def _body(self, block: Block) -> str:
        if block.kind == "python":
            printed = self._execute([sys.executable, "-c", block.body], block.body)
            if printed:
                raise RuntimeError(f"a block of python must print nothing, not\n{printed}")
        if block.kind not in ("console", "pycon"):
            return block.body
        run = self._command if block.kind == "console" else self._statement
        shown = [(example, run(example)) for example in examples(block)]
        if all(TIME.sub("N s", now) == TIME.sub("N s", example.shown) for example, now in shown):
            return block.body
        lines = (line for example, now in shown for line in (example.written, now))
        return "".join(f"{line}\n" for line in lines if line)

    def _command(self, example: Example) -> str:
        return self._execute(["/bin/bash", "-c", example.source], example.written)

    def _execute(self, command: list[str], written: str) -> str:
        """What a program prints, messages included, without blanks at the ends of lines."""
        environment = os.environ | {
            "COLUMNS": str(self.width),
            "OMP_NUM_THREADS": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        environment.pop("FORCE_COLOR", None)
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        text = _trimmed(result.stdout)
        if result.returncode:
            raise RuntimeError(f"{written}\nended with {result.returncode}:\n{text}")
        return text

    def _statement(self, example: Example) -> str:
        """What a statement prints, or the end of its traceback as a page shows it."""
        code = compile(example.source, "<page>", "single")
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            try:
                exec(code, self._names)  # noqa: S102 - our own pages
            except Exception as error:
                print("Traceback (most recent call last):")
                print("".join(traceback.format_exception_only(error)), end="")
        return _trimmed(printed.getvalue())


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def played(text: str, *, quick: bool) -> tuple[str, dict[Path, bytes]]:
    """The page's text with the outputs of now, and the files that its blocks give."""

    def block(match: re.Match[str]) -> str:
        body = match["body"]
        return match.group().removesuffix(f"{body}```") + session.play(of_match(match)) + "```"

    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder), quick=quick)
        return FENCE.sub(block, text), session.made


def main() -> None:
    """Check or write the pages that are named, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the statements, which run in this process
    stale = []
    for page in options.pages or PAGES:
        print(page, flush=True)
        old = page.read_text()
        text, made = played(old, quick=options.quick)
        if options.write:
            for path, content in ({page: text.encode()} | made).items():
                if not path.exists() or path.read_bytes() != content:
                    path.write_bytes(content)
            continue
        before, after = old.splitlines(), text.splitlines()
        stale += difflib.unified_diff(before, after, str(page), "now", lineterm="", n=1)
        stale += [
            f"{page}: {path.relative_to(ROOT)} is another file now"
            for path, content in made.items()
            if not path.exists() or path.read_bytes() != content
        ]
    if stale:
        sys.exit("Other output now, run make docs:\n" + "\n".join(stale))


if __name__ == "__main__":
    main()
