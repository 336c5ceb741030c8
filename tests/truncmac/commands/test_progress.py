import io
import re

from truncmac.commands.progress import progress_bar, simulation
from truncmac.terminal import Terminal


def test_a_simulation_tells_its_steps_in_lines_where_there_is_no_terminal():
    text = io.StringIO()
    with simulation(Terminal(file=text), "icarus") as (on_build, on_progress):
        on_build(7)
        on_progress(3)
    lines = [re.sub(r"\d+ s", "N s", line) for line in text.getvalue().splitlines()]
    assert lines == [
        "Array built for icarus in N s",
        "Running 7 matrix products on the RTL ...",
        "RTL run finished after N s",
    ]


def test_a_simulation_shows_a_bar_on_a_terminal():
    text = io.StringIO()
    with simulation(Terminal(file=text, force_terminal=True, width=80), "icarus") as (on_build, _):
        assert "Building the array for icarus" in text.getvalue()
        on_build(7)
    assert "0/7" in text.getvalue()


def test_a_bar_is_for_a_terminal_and_only_if_it_is_wanted():
    terminal = Terminal(file=io.StringIO(), force_terminal=True)
    assert not progress_bar(terminal).disable
    assert progress_bar(terminal, quiet=True).disable
    assert progress_bar(Terminal(file=io.StringIO())).disable
