import importlib.metadata
import json
import os
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from truncmac.commands import doctor
from truncmac.sim.extras import install_extra

PYTHON = shlex.quote(sys.executable)
PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


def without(monkeypatch, tmp_path, *missing):
    """A PATH with all programs that doctor looks for but the missing ones."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in doctor.PROGRAMS:
        program = shutil.which(name)
        if program and name not in missing:
            (folder / name).symlink_to(program)
    monkeypatch.setenv("PATH", f"{folder}")


def test_here_all_that_is_needed_is_there(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert out.endswith("All that is needed is there.\n")
    assert "wrong version" not in out


def test_json_has_what_pyproject_asks_for(run):
    code, out, _ = run("doctor", "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (0, True)
    names = {check["name"] for check in found["checks"]}
    assert len(PROJECT["dependencies"]) > 8
    for requirement in PROJECT["dependencies"]:
        assert requirement.split(">")[0].split("[")[0] in names
    groups = {check["group"] for check in found["checks"]}
    assert {f"extra {name}" for name in PROJECT["optional-dependencies"]} - groups == {"extra dev"}
    train = {check["name"] for check in found["checks"] if check["group"] == "extra train"}
    assert {"matplotlib", "torch"} <= train  # one through the extra report


def test_a_missing_compiler_is_exit_code_1_and_named_with_its_cure(run, monkeypatch, tmp_path):
    without(monkeypatch, tmp_path, "g++")
    code, out, _ = run("doctor")
    assert code == 1
    assert "Needed: sudo apt-get install g++\nIf" in out
    assert out.endswith("Something needed is missing.\n")


def test_an_old_compiler_is_exit_code_1(run, monkeypatch, tmp_path):
    without(monkeypatch, tmp_path, "g++")
    old = tmp_path / "bin" / "g++"
    old.write_text(f"#!{shutil.which('sh', path=os.defpath)}\necho 'g++ (Debian) 9.4.0'\nexit 1\n")
    old.chmod(0o755)
    code, out, _ = run("doctor", "--json")
    (check,) = (check for check in json.loads(out)["checks"] if check["name"] == "g++")
    assert code == 1
    assert check["found"] == "9.4.0"
    assert check["mend"] == "sudo apt-get install g++ (version 11 or later)"


def test_a_missing_icarus_is_no_failure(run, monkeypatch, tmp_path):
    without(monkeypatch, tmp_path, "iverilog")
    code, out, _ = run("doctor")
    assert code == 0
    assert "If you want it: sudo apt-get install iverilog\n" in out


@pytest.mark.parametrize(("extra", "code"), [([], 0), (["--extra", "onnx"], 1)])
@pytest.mark.parametrize("version", [None, "1.0"])
def test_a_missing_or_old_package_counts_if_its_extra_is_needed(
    run, monkeypatch, extra, code, version
):
    real = importlib.metadata.version

    def found(name):
        if name == "onnx":
            if version is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return version
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", found)
    found_code, out, _ = run("doctor", *extra)
    assert found_code == code
    label = "Needed" if code else "If you want it"
    assert f"{label}: {install_extra('onnx')}\n" in out
    assert ("missing" if version is None else "wrong version") in out.split("Needed")[0]


def test_a_missing_base_package_is_exit_code_1(run, monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda n: "1.0" if n == "numpy" else real(n))
    code, out, _ = run("doctor")
    assert code == 1
    assert f"Needed: {PYTHON} -m pip install 'numpy>=1.26'\n" in out


def test_an_unknown_extra_is_refused(run):
    code, _, err = run("doctor", "--extra", "gpu")
    assert code == 2
    assert err == (
        "truncmac: --extra must be one of report, train, onnx, runtime, energy, explore, fpga, "
        "dev, not 'gpu'\n"
    )


@pytest.mark.parametrize(
    ("direct_url", "mend"),
    [
        (None, f"{PYTHON} -m pip install 'truncmac[onnx]'"),
        (
            '{"dir_info": {"editable": true}, "url": "file:///a/b"}',
            f"cd /a/b && {PYTHON} -m pip install --constraint constraints.txt --editable '.[onnx]'",
        ),
    ],
)
def test_an_extra_is_mended_as_the_package_was_installed(run, monkeypatch, direct_url, mend):
    kind = type(importlib.metadata.distribution("truncmac"))  # a backport may stand in its place
    text, version = kind.read_text, importlib.metadata.version
    monkeypatch.setattr(
        kind, "read_text", lambda d, n: direct_url if n == "direct_url.json" else text(d, n)
    )
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.0" if name == "onnx" else version(name)
    )
    _, out, _ = run("doctor", "--json")
    checks = json.loads(out)["checks"]
    (check,) = (c for c in checks if (c["group"], c["name"]) == ("extra onnx", "onnx"))
    assert check["mend"] == mend
