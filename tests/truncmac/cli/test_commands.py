"""Every command is in the file of its name, and asking for help loads little."""

import re
import subprocess
import sys

import pytest

from truncmac.cli import app

COMMANDS = {
    command.name or command.callback.__name__: command for command in app.registered_commands
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_file_of_its_name(name):
    file = {"import": "import_"}.get(name, name)
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
