"""Where commands print: figures stay whole and names as they are, however narrow it is."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from truncmac.golden.text import visible

__all__ = ["Terminal", "new_table"]

WIDEST = 10_000  # columns, to measure a table that is given all the space it wants


class Terminal(Console):
    """A console without markup and emoji, whose tables never cut a word or a number.

    Names of files and layers come from users: "[x]" is a part of them. A table that is too wide
    breaks lines between words; where that is not enough it is wider than the terminal. What a
    terminal would obey, such as an escape sequence in a name, is shown as `golden.text.visible`
    shows it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `rich` does, tables at least as wide as their longest words."""
        for table in objects:
            if isinstance(table, Table):
                least = Measurement.get(self, self.options.update(width=WIDEST), table).minimum
                if least > self.width:
                    table.width = least
                    options["crop"] = False
        super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text for a string that is printed, alone or in a table."""
        return super().render_str(visible(text, keep="\n"), **options)

    def note(self, what: str) -> None:
        """Tell what goes on, dimmer than the results."""
        self.print(what, style="dim")

    @contextmanager
    def silent(self, wanted: bool) -> Iterator[None]:
        """Print nothing meanwhile, if that is wanted: stdout is for something else."""
        before, self.quiet = self.quiet, wanted
        try:
            yield
        finally:
            self.quiet = before

    @contextmanager
    def on_stderr(self, wanted: bool) -> Iterator[None]:
        """Print to stderr meanwhile, if that is wanted: stdout is for something else."""
        before, self.stderr = self.stderr, wanted
        try:
            yield
        finally:
            self.stderr = before


def new_table(
    columns: Iterable[str],
    rows: Iterable[Iterable[str]] = (),
    *,
    words: Collection[str] = (),
    **options: Any,
) -> Table:
    """A table in the style of all: a line below its head, and no other lines.

    Parameters
    ----------
    columns : what stands above each
    rows : the cells of each row
    words : columns of words, which begin at the left; all others hold numbers, which end at the
        right
    options : others of `rich.table.Table`, such as its title
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, **options)
    for name in columns:
        table.add_column(name, justify="left" if name in words else "right")
    for row in rows:
        table.add_row(*row)
    return table
