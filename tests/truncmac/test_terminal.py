import io
from contextlib import suppress

import pytest

from truncmac.terminal import Terminal, new_table


def printed(*objects, width=80):
    text = io.StringIO()
    Terminal(file=text, width=width).print(*objects)
    return text.getvalue().splitlines()


def test_words_begin_at_the_left_and_numbers_end_at_the_right():
    table = new_table(("layer", "cycles"), [["conv1", "12"], ["fc", "1,234"]], words=("layer",))
    assert printed(table)[1:] == [
        " layer   cycles ",
        " ────────────── ",
        " conv1       12 ",
        " fc       1,234 ",
        "                ",
    ]


def test_a_table_has_no_cell_cut_however_narrow_the_terminal_is():
    name = "a_layer_of_a_name_without_any_space"
    table = new_table(("layer", "MACs"), [[name, "1,234,567,890"]], words=("layer",), title="T")
    (row,) = [line for line in printed(table, width=10) if "layer_of" in line]
    assert row.split() == [name, "1,234,567,890"]


def test_what_a_terminal_would_obey_is_shown():
    assert (
        printed(new_table(("name",), [["[bold]\x1b[2J"]], words=("name",)))[3] == " [bold]\\x1b[2J "
    )


@pytest.mark.parametrize("wanted", [False, True])
def test_nothing_is_printed_meanwhile_if_that_is_wanted(capsys, wanted):
    console = Terminal()
    with suppress(KeyError), console.silent(wanted):
        console.note("inside")
        raise KeyError
    console.note("after")
    assert capsys.readouterr().out == ("after\n" if wanted else "inside\nafter\n")


@pytest.mark.parametrize("wanted", [False, True])
def test_all_is_printed_to_stderr_meanwhile_if_that_is_wanted(capsys, wanted):
    console = Terminal()
    with suppress(KeyError), console.on_stderr(wanted):
        console.print("inside")
        raise KeyError
    console.print("after")
    out, err = capsys.readouterr()
    assert (out, err) == (("after\n", "inside\n") if wanted else ("inside\nafter\n", ""))
