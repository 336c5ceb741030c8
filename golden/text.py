"""Text from users' files, such as layers' names, made safe to show and to put into tables."""

import re
import unicodedata

__all__ = ["csv_safe", "visible"]

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take as the start of a formula
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, formats such as bidi marks, surrogates, breaks


def visible(text: str, *, keep: str = "") -> str:
    r"""The text with an escape such as \x1b for each character that a terminal would obey.

    Parameters
    ----------
    keep : characters that stay, such as line feeds
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if char in keep or unicodedata.category(char) not in HIDDEN
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def csv_safe(text: str) -> str:
    """A cell of CSV that no spreadsheet runs: "'" goes before what would begin a formula.

    Source: OWASP, "CSV Injection".
    """
    shown = visible(text, keep="\n")
    risky = text.startswith(FORMULA) and not NUMBER.fullmatch(text)
    return f"'{shown}" if risky else shown
