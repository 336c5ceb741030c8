"""Whatever is typed: an answer, or one line and exit code 2; never a traceback."""

import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PRINTABLE = string.printable.replace("/", "")  # so that all files stay in the test's own folder
TEXT = st.text(PRINTABLE, max_size=12).filter(lambda text: text not in ("-h", "--help", ".."))
NUMBER = st.integers(-1, 3).map(str) | TEXT
SIZES = ("--rows", "--cols", "--lanes", "--planes", "--max-reduction", "--requantisers")
COMMANDS = {
    "rtl": (*SIZES, "--top", "--bus-width", "--depth"),
    "inspect": ("-k", "--plot"),
    "compile": (*SIZES, "-k", "--bus-width", "--groups", "--depth", "--outstanding"),
    "export": (*SIZES, "-k", "--format"),
    "infer": ("-k", "--on", "--data", "--images", "--dump", "--groups"),
    "report": ("-k", "--platform", "--images", "--goal", "--energy", "--format", "--clock-mhz"),
    "nonsense": ("--rows",),
}


@st.composite
def arguments(draw):
    command = draw(st.sampled_from(list(COMMANDS)))
    found = [command]
    if command in ("inspect", "compile", "export", "infer", "report") and draw(st.booleans()):
        found.append(draw(TEXT))
    for option in draw(st.lists(st.sampled_from(COMMANDS[command]), unique=True, max_size=3)):
        found += [option, draw(NUMBER)]
    return found


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments())
def test_any_arguments_give_an_answer_or_one_line(run, words):
    code, _, errors = run(*words)
    assert code in (0, 2), errors
    assert "Traceback" not in errors
    if code == 2:
        assert errors.startswith("truncmac: ") and errors.count("\n") == 1, errors
