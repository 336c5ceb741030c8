"""Where commands print: figures stay whole and names as they are, however narrow it is."""

from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from truncmac.golden.text import visible

__all__ = ["STYLE", "Terminal"]

STYLE: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False}  # of every table
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
