"""Completion, as a shell asks for it: the script that is installed, run by bash itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from typer.main import get_command

from truncmac.cli import app
from truncmac.commands.doctor import extras
from truncmac.golden import EXAMPLES
from truncmac.model.data import DATASETS
from truncmac.model.networks import NETWORKS
from truncmac.model.recipes import RECIPES, Recipe
from truncmac.report.forms import FORMATS
from truncmac.sim.allocate.costs import COSTS
from truncmac.sim.energy.figures import available
from truncmac.sim.explore.spec import FrontKind, SearchMethod
from truncmac.sim.fpga.route import DEVICES
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.schedule.schedule import Goal
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
    "truncmac infer --on ": {"golden", "rtl", "both", "npu", "onnxruntime"},
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
def test_what_is_completed_is_in_the_help(run, place):
    """A fixed choice stands where its type does, the words of others in what explains them."""
    code, out, _ = run(place[0], "--help")
    assert code == 0
    for word in words_of(COMPLETING[place]):
        assert word in out


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (("sim", "simulator"), set(SIMULATORS)),
        (("infer", "simulator"), set(SIMULATORS)),
        (("allocate", "cost"), set(COSTS)),
        (("report", "platform"), set(PLATFORMS)),
        (("report", "goal"), set(get_args(Goal))),
        (("report", "form"), set(FORMATS)),
        (("train", "network"), set(NETWORKS)),
        (("train", "dataset"), set(DATASETS)),
        (("train", "recipe"), set(RECIPES)),
        (("train", "teacher"), set(get_args(get_type_hints(Recipe)["teacher"]))),
        (("import", "network"), set(NETWORKS)),
        (("explore", "front"), set(get_args(FrontKind))),
        (("explore", "search"), set(get_args(SearchMethod))),
        (("fpga", "device"), set(DEVICES)),
        (("infer", "network"), {"digits", *EXAMPLES}),
        (("inspect", "network"), {"digits", *EXAMPLES}),
        (("report", "energy"), {"none", *(name for name, _, _ in available())}),
        (("doctor", "extra"), set(extras())),
    ],
)
def test_what_is_completed_is_all_that_there_is(place, known):
    assert words_of(COMPLETING[place]) == known
