"""Fixtures that many tests use, and settings of all.

Rich keeps the width that COLUMNS has when a console is made; so all are made without one here.
Otherwise the width of what a command prints would depend on which test imported it first.
"""

import gc
import importlib
import os
import pkgutil
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings

import truncmac
from tests.objects import launcher
from truncmac import cli

# The same examples in every run; --hypothesis-profile=explore draws others
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
# For mutants: that an example fails is enough, and none is made smaller
settings.register_profile(
    "first", derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("same")

os.environ["OBJCACHE"] = launcher()  # Verilator's library is compiled once for all simulators
os.environ.pop("COLUMNS", None)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a test runs on each core


def pytest_addoption(parser):
    """Where tests run again and again, each time in a new process, importing all takes longest."""
    parser.addoption("--lean", action="store_true", help="import only what the tests need")


def pytest_configure(config):
    """Import all of the package, so that all consoles are made now.

    What is imported stays. Until all tests are collected nothing is searched for garbage.
    """
    gc.disable()
    if not config.getoption("--lean"):
        for module in pkgutil.walk_packages(truncmac.__path__, "truncmac."):
            importlib.import_module(module.name)


def pytest_collection_finish():
    """Let no search for garbage visit what was imported and collected, again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def build_root():
    """Built simulators, kept from run to run: a build is redone when its sources change."""
    return Path("build/tests/sim")


@pytest.fixture
def kept_builds(build_root, tmp_path):
    """Commands that run in the empty folder find the simulators that other tests have built."""
    build_root.mkdir(parents=True, exist_ok=True)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "sim").symlink_to(build_root.absolute())


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: exit code, output, and messages."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["truncmac", *args])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return run
