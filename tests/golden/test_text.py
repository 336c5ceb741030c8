import pytest

from truncmac.golden.text import csv_safe, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv1", "conv1"),
        ("caf\u00e9 \u5c42", "caf\u00e9 \u5c42"),
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("a\0b\x07", "a\\x00b\\x07"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, shown):
    assert visible(text) == shown
    assert visible(shown) == shown


def test_characters_may_stay():
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd|x", "@SUM(1)", "\t=1", "\r=1", "-", "-1-1"])
def test_formulas_become_text(text):
    assert csv_safe(text)[0] == "'"
    assert csv_safe(text)[1:] == visible(text)


@pytest.mark.parametrize("text", ["-5", "+1.5", "-1e-3", ".5", "a=1", "", "conv-1"])
def test_numbers_and_names_stay(text):
    assert csv_safe(text) == text
