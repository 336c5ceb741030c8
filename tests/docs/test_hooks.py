"""The hooks of pre-commit, which CONTRIBUTING names, run without a network."""

import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_hooks_of_pre_commit_run_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "home"))
    # In a repository of its own: the hooks see files that git knows
    run = partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True, check=False)
    hooks = [sys.executable, "-m", "pre_commit", "run", "ruff-format", "--files", "messy.py"]
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    config = (ROOT / ".pre-commit-config.yaml").read_text()
    (tmp_path / ".pre-commit-config.yaml").write_text(config)
    (tmp_path / "messy.py").write_text("a = 1\n")
    run(["git", "init", "--quiet", "."], check=True)
    run(["git", "add", "messy.py", ".pre-commit-config.yaml"], check=True)
    found = run(hooks)
    assert found.returncode == 0, found.stdout + found.stderr
    (tmp_path / "messy.py").write_text("a=1\n")
    found = run(hooks)
    assert found.returncode == 1
    assert "messy.py:1" in found.stdout
