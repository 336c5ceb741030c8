"""docs/howto/explore.md: its commands are run, and print what it says."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from truncmac import cli
from truncmac.sim.explore.spec import spec_of

TEXT = (Path(__file__).parents[2] / "docs" / "howto" / "explore.md").read_text()
BLOCK = re.compile(
    r"(?s)```console\n\$ ((?:(?!```).)*?truncmac explore .*?)\n```\n\n```\n(.*?)\n```"
)
BLOCKS = [
    (commands.replace("\\\n", " ").split("\n$ "), shown) for commands, shown in BLOCK.findall(TEXT)
]


def test_there_are_commands():
    assert len(BLOCKS) == TEXT.count("$ truncmac explore") - TEXT.count("--verify 1") == 5


def run(command, monkeypatch):
    program, *arguments = shlex.split(command)
    if program == "python":
        subprocess.run([sys.executable, *arguments], check=True)
        return
    monkeypatch.setattr("sys.argv", ["truncmac", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0


@pytest.mark.parametrize("index", range(len(BLOCKS)))
def test_a_command_prints_what_the_document_says(index, monkeypatch, capsys, tmp_path):
    (*first, last), shown = BLOCKS[index]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for command in first:
        run(command, monkeypatch)
    capsys.readouterr()
    run(last, monkeypatch)
    printed = capsys.readouterr().out
    assert "\n".join(line.rstrip() for line in printed.splitlines()) == shown


def test_the_file_is_a_spec():
    settings = tomllib.loads(re.search(r"(?s)```toml\n(.*?)```", TEXT).group(1))
    spec = spec_of(settings)
    assert json.loads(json.dumps(spec.as_dictionary()))["space"]["cols"] == [4, 8, 16, 32, 64]
