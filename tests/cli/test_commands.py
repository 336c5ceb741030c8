"""Every command is in the file of its name, and asking for help loads little."""

import re
import subprocess
import sys

import pytest
from typer.main import get_command

from truncmac.cli import app

COMMANDS = {
    command.name or command.callback.__name__: command for command in app.registered_commands
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_file_of_its_name(name):
    file = {"import": "import_", "compile": "compile_"}.get(name, name)
    assert COMMANDS[name].callback.__module__ == f"truncmac.cli.{file}"


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_explains_each_option(run, name):
    code, out, _ = run(*filter(None, [name]), "--help")
    assert code == 0
    options = re.findall(r"(?m)^│ +\*? *(--[a-z-]+).*$", out)
    assert "--help" in options
    for line in out.splitlines():
        if re.match(r"│ +(?:\* +)?--", line) and "--no-" not in line:
            assert len(re.findall(r"[a-z]{2,}", line)) > 3, line


def test_help_loads_no_large_package():
    """Start-up is what a shell's completion waits for at every key."""
    script = (
        "import sys; from truncmac.cli import app; print(*{n.split('.')[0] for n in sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    large = {"amaranth", "cocotb", "distributed", "matplotlib", "onnx", "plotly", "scipy", "torch"}
    assert large.isdisjoint(result.stdout.split())


OTHERWISE = {"report": ("--format", "json")}  # which prints tables, pages and JSON


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_its_numbers_as_json(name):
    options = {
        option: parameter
        for parameter in get_command(app).commands[name].params
        for option in parameter.opts
    }
    option, value = OTHERWISE.get(name, ("--json", None))
    assert option in options
    assert options[option].is_flag == (value is None)
    completed = [item.value for item in options[option].shell_complete(None, "")]
    assert "JSON" in options[option].help or value in completed


WRONG = {  # what is refused by the command, and by the parser of options
    "rtl": (["--rows", "0"], ["--rows", "x"]),
    "sim": (["-k", "9"], ["--count", "0"]),
    "infer": (["-k", "9"], ["--images", "0"]),
    "inspect": (["-k", "9"], ["--jso"]),
    "compile": (["-k", "9"], ["--depth", "1.5"]),
    "export": (["-k", "9"], ["--planes", "1.5"]),
    "import": (["x.onnx", "--image", "3,32"], ["x.onnx", "--edge-bits", "9"]),
    "allocate": (["--budget", "x"], ["--points", "1"]),
    "report": (["-k", "9"], ["--images", "0"]),
    "train": (["-k", "9"], ["--epochs", "0"]),
    "characterise": (["--liberty", "x.lib", "-k", "0"], ["--images", "3"]),
    "explore": (["--where", "x"], ["--workers", "-1"]),
    "fpga": (["--rows", "0"], ["--target-mhz", "0"]),
    "doctor": (["--extra", "x"], ["--extra"]),
}


def test_wrong_values_are_tried_for_every_command():
    assert list(WRONG) == list(COMMANDS)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("by_parser", [False, True])
def test_a_wrong_value_is_exit_code_2_and_one_line(run, tmp_path, name, by_parser):
    args = WRONG[name][by_parser]
    code, out, errors = run(name, *args)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"truncmac: [^\n]+\n", errors)
    assert errors.endswith(" --help\n") == by_parser
    words = [args[-1], args[-2] if len(args) > 1 else ""]
    missing = {"characterise": "--liberty"}.get(name) if by_parser else None
    assert any(word in errors for word in filter(None, [missing, *words]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nonsense"], "No such command 'nonsense'; see truncmac --help"),
        (["rtl", "x"], "Got unexpected extra argument(s) (x); see truncmac rtl --help"),
        (["characterise"], "Missing option '--liberty'; see truncmac characterise --help"),
    ],
)
def test_a_wrong_word_is_exit_code_2_and_one_line(run, args, message):
    assert run(*args) == (2, "", f"truncmac: {message}\n")


def test_without_a_command_there_is_help(run):
    code, out, errors = run()
    assert (code, errors) == (2, "")
    assert "Usage: truncmac" in out
    for name in COMMANDS:
        assert f" {name} " in out
