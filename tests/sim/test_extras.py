"""What is said to install an extra, by the way the package was installed."""

import importlib.metadata
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from truncmac.sim.extras import extra_needed, install_extra

ROOT = Path(__file__).parents[2]
PYTHON = shlex.quote(sys.executable)
INDEX = f"{PYTHON} -m pip install 'truncmac[train]'"
EDITABLE = f"{PYTHON} -m pip install --constraint constraints.txt --editable '.[train]'"


def editable(url, wanted=True):
    return json.dumps({"url": url, "dir_info": {"editable": wanted}})


@pytest.mark.parametrize(
    ("direct_url", "command"),
    [
        (None, INDEX),  # of an index
        (json.dumps({"url": "file:///a.whl", "archive_info": {}}), INDEX),
        (editable("file:///a/b", wanted=False), INDEX),
        (json.dumps({"url": "file:///a/b", "dir_info": {}}), INDEX),
        (
            editable("file:///home/x/truncmac"),
            f"cd /home/x/truncmac && {EDITABLE}",
        ),
        (
            editable("file:///home/my%20work/truncmac"),
            f"cd '/home/my work/truncmac' && {EDITABLE}",
        ),
    ],
)
def test_the_command_is_of_the_installation(direct_url, command, monkeypatch):
    class Installed:
        def read_text(self, name):
            assert name == "direct_url.json"
            return direct_url

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed())
    assert install_extra("train") == command


def test_sources_that_are_not_installed_name_the_package(monkeypatch):
    def none(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", none)
    assert install_extra("train") == INDEX


def test_no_message_names_the_extras_of_the_package_itself():
    """Each asks `install_extra`; else it is wrong in a checkout."""
    for folder in ("truncmac", "golden", "hw", "model", "sim"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != ROOT / "sim" / "extras.py":
                assert not re.search(r"install .*truncmac\[|'truncmac\[", path.read_text()), path


def test_a_missing_package_is_named_with_its_cure():
    with pytest.raises(RuntimeError) as raised, extra_needed("Flying", "train", "walk"):
        import no_such_package.wings  # noqa: F401
    assert str(raised.value) == (
        f"Flying needs the package no_such_package. Install it with: {install_extra('train')}, "
        "or walk"
    )


def test_a_missing_module_of_ours_is_a_mistake_that_no_installation_mends():
    with pytest.raises(ModuleNotFoundError), extra_needed("Flying", "train"):
        import truncmac.no_such_module  # noqa: F401
