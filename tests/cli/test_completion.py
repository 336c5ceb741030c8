"""Completion, as a shell asks for it: the script that is installed, run by bash itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from truncmac.cli import app
from truncmac.commands.doctor import extras
from truncmac.golden import EXAMPLES
from truncmac.sim.energy.model import available
from truncmac.sim.tools import SIMULATORS

TRUNCMAC = Path(sys.executable).with_name("truncmac")
ASK = """
{script}
complete -p truncmac
cd {folder}
while IFS= read -r line; do
    read -r -a COMP_WORDS <<< "$line"
    [[ "$line" == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
    COMPREPLY=()
    _truncmac_completion truncmac
    echo "$line>${{COMPREPLY[*]}}" | tr '\\n' ' '
    echo
done
"""


def bash(script, stdin="", **environment):
    result = subprocess.run(
        [shutil.which("bash"), "--norc", "-c", script],
        input=stdin,
        env=os.environ
        | {"PATH": f"{TRUNCMAC.parent}{os.pathsep}{os.environ['PATH']}"}
        | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


LINES = {
    "truncmac in": {"infer", "inspect"},
    "truncmac sim --simulator v": {"verilator"},
    "truncmac infer --on ": {"golden", "rtl", "both"},
    "truncmac infer nosuch": set(),  # nothing: bash goes on with names of files
}


@pytest.fixture(scope="module")
def completed(tmp_path_factory):
    """What bash completes each line to, with the script that it is told to load."""
    script = bash("truncmac --show-completion; true", SHELL="/bin/bash")
    asked = ASK.format(script=script, folder=tmp_path_factory.mktemp("empty"))
    first, *answers = bash(asked, "".join(f"{line}\n" for line in LINES)).splitlines()
    assert "-o default" in first  # names of files where nothing is known
    return {line: set(words.split()) for line, words in (a.split(">") for a in answers)}


@pytest.mark.parametrize("line", LINES)
def test_bash_completes(completed, line):
    assert completed[line] == LINES[line]


def test_installed_for_bash(tmp_path):
    out = bash("truncmac --install-completion; true", HOME=str(tmp_path))
    assert "bash completion installed" in out
    found = bash(
        "source ~/.bashrc; COMP_WORDS=(truncmac doc); COMP_CWORD=1; _truncmac_completion truncmac; "
        'echo "${COMPREPLY[@]}"',
        HOME=str(tmp_path),
    )
    assert found == "doctor\n"


def words_of(parameter):
    """All words that an option's value is completed to."""
    return {item.value for item in parameter.shell_complete(None, "")} - {""}


COMPLETING = {
    (name, parameter.name): parameter
    for name, command in get_command(app).commands.items()
    for parameter in command.params
    if words_of(parameter)
}


@pytest.mark.parametrize("place", COMPLETING, ids="-".join)
def test_what_is_completed_is_explained(place):
    parameter = COMPLETING[place]
    for word in words_of(parameter):
        assert word in parameter.help


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (("sim", "simulator"), set(SIMULATORS)),
        (("infer", "simulator"), set(SIMULATORS)),
        (("infer", "network"), {"digits", *EXAMPLES}),
        (("inspect", "network"), {"digits", *EXAMPLES}),
        (("report", "energy"), {"none", *(name for name, _, _ in available())}),
        (("doctor", "extra"), set(extras())),
    ],
)
def test_what_is_completed_is_all_that_there_is(place, known):
    assert words_of(COMPLETING[place]) == known
