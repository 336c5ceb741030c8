"""Documents: what they take from the code is that of the code as it is."""

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.verify.steps import STEPS
from truncmac.golden import BUILTIN_IMAGES, builtin_images, builtin_network, network_accuracy

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_generated_blocks_and_pictures_are_up_to_date():
    command = [sys.executable, "-m", "tools.docs.update", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_all_steps_of_the_verification_are_listed():
    rows = "".join(f"| {step.name} | {step.promise} |\n" for step in STEPS)
    assert f"| --- | --- |\n{rows}\n" in (ROOT / "docs/verification/index.md").read_text()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


def test_quick_commands_of_the_documents_print_what_is_shown():
    """`make docs-check` runs all of them, `make docs` writes what they print now."""
    command = [sys.executable, "-m", "tools.docs.run", "--quick"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(result.stdout.splitlines()) > 10  # pages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```console\n$ echo 1; echo 2\n1\n2\n```\n", 0),
        ("```console\n$ echo 1\n2\n```\n", 1),
        ("```console\n$ echo done in 3 s\ndone in 7 s\n```\n", 0),
        ("```console\n$ echo 1\n1\n$ echo 2\n```\n", 1),
        ("```console\n$ false\n```\n", 1),
        ('```python title="a.py"\nprint(3)\n```\n```console\n$ python a.py\n3\n```\n', 0),
        ("<!-- slow -->\n```console\n$ echo 1\n2\n```\n", 0),
        ("<!-- not run: why -->\n```console\n$ echo 1\n2\n```\n", 0),
    ],
)
def test_what_runs_the_documents_notices(tmp_path, text, code):
    page = tmp_path / "page.md"
    page.write_text(text)
    command = [sys.executable, "-m", "tools.docs.run", "--quick", str(page)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stderr
    subprocess.run([*command, "--write"], cwd=ROOT, capture_output=True, check=False)
    if "false" not in text:
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_the_notebook_runs(tmp_path, monkeypatch):
    """But for the cells tagged slow."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(ROOT / "docs" / "tutorial.ipynb", as_version=4)
    notebook.cells = [c for c in notebook.cells if "slow" not in c.metadata.get("tags", [])]
    notebook.cells.append(nbformat.v4.new_code_cell("assert _exit_code == 0"))
    script = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}})
    script.execute()
    printed = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    assert "99.56%" in printed
    assert "Written: build/explore/front.csv" in printed


def test_the_site_builds_without_warnings_and_needs_no_network():
    command = ["/bin/sh", "tools/docs/site.sh", sys.executable]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    pages = list((ROOT / "build" / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loaded = re.findall(
            r'<(?:script|img|link|source)[^>]+(?:src|href)="(https?:[^"]*)"', page.read_text()
        )
        assert loaded == [], page


def test_the_readme_shows_the_accuracy_of_the_shipped_network():
    rows = re.findall(r"(?m)^ ([8421]) +([\d.]+%)", (ROOT / "README.md").read_text())
    network, (images, labels) = builtin_network(), builtin_images()
    expected = [
        (str(bits), f"{network_accuracy(network, images, labels, bits):.2%}")
        for bits in network.bit_widths
    ]
    assert rows == expected


def test_the_page_on_numerics_counts_the_certified_channels():
    text = " ".join((ROOT / "docs" / "reference" / "numerics.md").read_text().split())
    counts = re.search(r"(\d+) channels, .* make (\d+) .* and (\d+) to (\d+) at k = 4", text)
    network = builtin_network()
    found = {
        bits: [t for name, t in network.tensors.items() if name.endswith(f".b{bits}.exact")]
        for bits in network.bit_widths
    }
    sums = {bits: sum(int(t.sum()) for t in tensors) for bits, tensors in found.items()}
    lower = [sums[bits] for bits in (4, 2, 1)]
    total = sum(len(t) for t in found[8])
    assert list(map(int, counts.groups())) == [total, sums[8], min(lower), max(lower)]


def test_what_the_page_on_imports_shows_is_what_is_printed(tmp_path):
    """Its Python runs; the commands on files that are at hand print what stands below them."""
    text = (ROOT / "docs" / "howto" / "import.md").read_text()
    data = ROOT / "tests" / "truncmac" / "onnx" / "data"
    (tmp_path / "brevitas.onnx").write_bytes((data / "brevitas_qonnx.onnx").read_bytes())
    (tmp_path / "test.safetensors").write_bytes(BUILTIN_IMAGES.read_bytes())
    blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", text)
    ran = 0
    for (kind, content), (_, shown) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "python":
            command = [sys.executable, "-c", content]
        elif kind == "console" and "cnn.pt" not in content:  # which would have to be trained
            command = [sys.executable, "-c", "from truncmac.cli import main; main()"]
            command += content.split()[2:]
        else:
            continue
        environment = os.environ | {"COLUMNS": "100", "OMP_NUM_THREADS": "1"}
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        lines = [line.rstrip() for line in result.stdout.splitlines()]
        if lines:
            assert [line for line in lines if line] == [x for x in shown.splitlines() if x]
        ran += 1
    assert ran == 6


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
