"""The pages: their commands print what is shown, their links lead somewhere, a site holds them."""

import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from markdown.extensions.toc import slugify
from nbclient import NotebookClient

from tools.docs.run import PAGES

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(?ms)^```(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^```$")


def name(page):
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name)


def test_the_pages_are_all_there_are():
    documents = {path for path in (ROOT / "docs").rglob("*") if path.suffix == ".md"}
    assert set(PAGES) == documents | {ROOT / "README.md", ROOT / "CONTRIBUTING.md"}
    assert len(PAGES) > 25


# Even without their slow blocks
HOWTO = ("axi-system", "explore", "import", "report", "waveforms", "workloads")
SLOW = (
    *("docs/tutorial.md", "docs/reference/npu.md"),
    *(f"docs/howto/{page}.md" for page in HOWTO),
)


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=pytest.mark.long if name(p) in SLOW else (), id=name(p)) for p in PAGES],
)
def test_quick_commands_of_a_page_print_what_is_shown(page):
    """The step `documents` runs the slow ones too; `make docs` writes what they print now."""
    command = [sys.executable, "-m", "tools.docs.run", "--quick", str(page)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@every_page
def test_every_command_stands_in_a_block_that_runs(page):
    text = page.read_text()
    for block in BLOCK.finditer(text):
        if block["kind"] not in ("console", "pycon"):
            assert not re.search(r"(?m)^(\$|>>>) ", block["body"]), block.group()
    assert not re.search(r"(?m)^(\$|>>>) ", BLOCK.sub("", text))


def anchors(page):
    """What links to places of a page may name: its headings, as the site names them."""
    headings = re.findall(r"(?m)^#+ (.*)$", BLOCK.sub("", page.read_text()))
    return {slugify(re.sub(r"[`*]", "", heading), "-") for heading in headings}


@every_page
def test_links_lead_to_files_and_headings(page):
    for path, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target), f"{path}#{anchor}"


@every_page
def test_paths_that_a_page_names_are_there(page):
    """Files and folders of the repository in `code`; but those that a command makes."""
    rooms = "benchmarks|docs|golden|hw|model|sim|tests|tools|truncmac"
    for path in re.findall(rf"`((?:{rooms})/[\w./-]*)`", BLOCK.sub("", page.read_text())):
        assert (ROOT / path).exists(), path


def test_every_page_is_in_the_navigation_once():
    def paths(entry):
        if isinstance(entry, str):
            return [entry]
        entries = entry.values() if isinstance(entry, dict) else entry
        return [path for some in entries for path in paths(some)]

    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    inside = [
        str(page.relative_to(ROOT / "docs")) for page in PAGES if (ROOT / "docs") in page.parents
    ]
    assert sorted(paths(settings["nav"])) == sorted(inside)


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


@pytest.mark.long
def test_the_notebook_runs(tmp_path, monkeypatch):
    """But for the cells tagged slow."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(ROOT / "docs" / "tutorial.ipynb", as_version=4)
    notebook.cells = [c for c in notebook.cells if "slow" not in c.metadata.get("tags", [])]
    notebook.cells.append(nbformat.v4.new_code_cell("assert _exit_code == 0"))
    script = NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": tmp_path}})
    script.execute()
    printed = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    assert "99.56%" in printed
    assert "Written: build/explore/front.csv" in printed


@every_page
def test_python_names_that_a_page_names_are_there(page):
    text = BLOCK.sub("", page.read_text())
    for name in re.findall(r"(?:`|::: )(truncmac(?:\.\w+)+)\b(?!\.)", text):
        if not name.endswith((".h", ".v", ".md")):
            pkgutil.resolve_name(name)
