"""A wheel, installed into an empty environment, works outside the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("golden", "hw", "model", "sim", "truncmac")
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
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
def wheel(tmp_path_factory):
    """The package, built of a copy of its sources: what an older build left is not in it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "sources"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build")
    shutil.copytree(ROOT, copy, ignore=left_out)
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", folder]
    call(sys.executable, *PIP, "wheel", *options, copy, cwd=folder)
    (found,) = folder.glob("truncmac-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel):
    """Folder of an environment's programs; the wheel is in it, with what it depends on."""
    environment = wheel.parent / "venv"
    call(sys.executable, "-m", "venv", "--without-pip", environment, cwd=wheel.parent)
    python = environment / "bin" / "python"
    constraint = ["--no-compile", "--constraint", ROOT / "constraints.txt"]
    call(sys.executable, *PIP, "--python", python, "install", *constraint, wheel, cwd=wheel.parent)
    return python.parent


def sources():
    """Files of the package in the checkout, as they are named when installed."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and "__pycache__" not in path.parts:
                yield name if folder == "truncmac" else f"truncmac/{name}"


def test_the_wheel_holds_the_five_folders_and_nothing_else(wheel):
    """Not the developers' programs (benchmarks, tools), tests or documents."""
    names = ZipFile(wheel).namelist()
    about = f"{wheel.name.rpartition('-py3')[0]}.dist-info/"
    found = {name for name in names if not name.startswith(about)}
    assert found == set(sources())
    scripts = ZipFile(wheel).read(f"{about}entry_points.txt").decode().split()
    assert scripts == ["[console_scripts]", "truncmac", "=", "truncmac.cli:main"]


def test_the_packages_of_pyproject_are_the_folders_with_an_init():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    inits = {path for path in sources() if path.endswith("/__init__.py")}
    folders = sorted(path.removesuffix("/__init__.py").replace("/", ".") for path in inits)
    assert settings["packages"] == folders
    assert {"truncmac", *folders} >= set(settings["package-data"])


@pytest.mark.long
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
