"""Blocks of a page's Markdown that are run, with their marks: the one reader of them."""

import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["FENCE", "Block", "Example", "examples", "of_match", "steps"]

FENCE = re.compile(
    r"(?ms)^(?P<marks>(?:<!-- (?:slow|(?:not run|width|needs|gives): [^>]+) -->\n+)*)"
    r'```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$'
)
MARK = re.compile(r"<!-- (?P<name>slow|not run|width|needs|gives)(?:: (?P<value>[^>]+))? -->")


@dataclass(frozen=True)
class Block:
    """A block of code, and the marks that stand before it.

    Attributes
    ----------
    kind : language of the block, such as "console"
    title : name of the file that the block's text is written to, if any
    body : the block's lines
    slow : whether a quick run passes it by
    not_run : the reason why no run executes it, else empty
    width : columns of the terminal from this block on, where a mark says so
    needs : pairs of a file of the repository, and its name in the page's folder
    gives : pairs of a file that the block makes, and the file of the repository that it must equal
    """

    kind: str
    title: str | None
    body: str
    slow: bool
    not_run: str
    width: int | None
    needs: tuple[tuple[str, str], ...]
    gives: tuple[tuple[str, str], ...]


def of_match(match: re.Match[str]) -> Block:
    """The block that FENCE has found."""
    marks = [(mark["name"], mark["value"] or "") for mark in MARK.finditer(match["marks"])]
    named = dict(marks)
    return Block(
        kind=match["kind"],
        title=match["title"],
        body=match["body"],
        slow="slow" in named,
        not_run=named.get("not run", ""),
        width=int(named["width"]) if "width" in named else None,
        needs=tuple(_pair(value) for name, value in marks if name == "needs"),
        gives=tuple(_pair(value) for name, value in marks if name == "gives"),
    )


def _pair(value: str) -> tuple[str, str]:
    """The two paths of "FILE as FILE"."""
    source, word, target = value.partition(" as ")
    if not word:
        raise ValueError(f"a mark must name two files, FILE as FILE, not {value!r}")
    return source, target


@dataclass(frozen=True)
class Example:
    """A command or statement as it is written, and the text that is shown below it."""

    written: str
    source: str
    shown: str


def examples(block: Block) -> Iterator[Example]:
    """The commands of a console block, or the statements of a pycon block."""
    return steps(block.body) if block.kind == "console" else _statements(block.body)


def steps(body: str) -> Iterator[Example]:
    """The commands of a console block, each with its output."""
    command: list[str] = []
    shown: list[str] = []
    for line in body.splitlines():
        if command and command[-1].endswith("\\"):
            command.append(line)
        elif line.startswith("$ "):
            if command:
                yield _step(command, shown)
            command, shown = [line], []
        elif command:
            shown.append(line)
        else:
            raise ValueError(f"a console block must begin with a command, not {line!r}")
    yield _step(command, shown)


def _step(command: list[str], shown: list[str]) -> Example:
    written = "\n".join(command)
    return Example(written, written.removeprefix("$ "), "\n".join(shown).strip("\n"))


def _statements(body: str) -> Iterator[Example]:
    for example in doctest.DocTestParser().get_examples(body):
        first, *rest = example.source.splitlines()
        written = [f">>> {first}", *(f"... {line}".rstrip() for line in rest)]
        shown = example.want or (example.exc_msg or "")
        yield Example("\n".join(written), example.source, shown.strip("\n"))
