"""The glossary's list of its own words, each a link to its entry."""

import re

from .run import ROOT

__all__ = ["glossary_words", "words"]

PAGE = ROOT / "docs" / "reference" / "glossary.md"


def words(text):
    """The words that a glossary's Markdown has entries for: its headings of the third level."""
    return re.findall(r"(?m)^### (.+)$", text)


def glossary_words():
    """A line of links to all entries, in the order of the alphabet."""
    found = sorted(words(PAGE.read_text()), key=str.casefold)
    links = (f"[{word}](#{word.casefold().replace(' ', '-')})" for word in found)
    return " · ".join(links) + "\n"
