"""A wheel, installed into an empty environment, works outside the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARRAY = ["--rows", "2", "--cols", "2", "--lanes", "2", "--max-reduction", "20"]


def call(*command, cwd):
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder of an environment's programs; the wheel is in it, with what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    constraint = ["--constraint", ROOT / "constraints.txt"]
    call(sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("truncmac-*.whl")
    call(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs = folder / "venv" / "bin"
    call(programs / "python", *pip, "install", *constraint, wheel, cwd=folder)
    return programs


def test_commands_run_outside_the_checkout(installed, tmp_path):
    where = call(
        installed / "python",
        "-c",
        "import truncmac.sim; print(truncmac.sim.__file__)",
        cwd=tmp_path,
    )
    assert where.startswith(str(installed.parent))
    assert "99.56%" in call(installed / "truncmac", "infer", "-k", "8", cwd=tmp_path)
    call(installed / "truncmac", "rtl", *ARRAY, "--out", "verilog", cwd=tmp_path)
    assert (tmp_path / "verilog" / "truncmac_core.v").is_file()
    small = ["-k", "8", "--count", "2", "--simulator", "icarus", "--waves", "run.vcd"]
    call(installed / "truncmac", "sim", *ARRAY, *small, cwd=tmp_path)
    assert (tmp_path / "run.gtkw").is_file()
    assert "All that is needed is there" in call(installed / "truncmac", "doctor", cwd=tmp_path)
    (marker,) = installed.parent.glob("lib/python3*/site-packages/truncmac/py.typed")
    assert marker.is_file()
