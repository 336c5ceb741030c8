"""The runner of the documents runs each kind of block, minds marks, and sees what differs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.docs.run import played

ROOT = Path(__file__).parents[3]


def run(page, *options):
    command = [sys.executable, "-m", "tools.docs.run", *options, str(page)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


LICENSE = "<!-- needs: LICENSE as copy.txt -->\n"
SAME = "<!-- gives: made.txt as LICENSE -->\n"
SESSION = "```pycon\n>>> a = 3\n```\n```pycon\n>>> for b in (1, a):\n...     print(b)\n1\n3\n```\n"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("```console\n$ echo 1; echo 2\n1\n2\n```\n", True),
        ("```console\n$ echo 1\n2\n```\n", False),
        ("```console\n$ echo done in 3 s\ndone in 7 s\n```\n", True),
        ("```console\n$ echo 1\n1\n$ echo 2\n```\n", False),
        ("```console\n$ echo 1 \\\n      2\n1 2\n```\n", True),
        ("```console\n$ false\n```\n", False),
        ('```python title="a.py"\nprint(3)\n```\n```console\n$ python a.py\n3\n```\n', True),
        ("<!-- slow -->\n```console\n$ echo 1\n2\n```\n", True),
        ("<!-- not run: why -->\n```console\n$ echo 1\n2\n```\n", True),
        ("```python\nimport os\n```\n", True),
        ("```python\nraise ValueError\n```\n", False),
        ("```python\nprint(1)\n```\n", False),
        ("<!-- not run: why -->\n```python\nraise ValueError\n```\n", True),
        ("```pycon\n>>> 1 + 1\n2\n```\n", True),
        ("```pycon\n>>> 1 + 1\n3\n```\n", False),
        (SESSION, True),
        (SESSION.replace("(1, a)", "(1, a, 4)"), False),
        (
            "```pycon\n>>> int('a')\nTraceback (most recent call last):\n"
            "ValueError: invalid literal for int() with base 10: 'a'\n```\n",
            True,
        ),
        ("```pycon\n>>> int('a')\n```\n", False),
        ("```pycon\n>>> open('a', 'w').close()\n```\n```console\n$ ls\na\n```\n", True),
        ("<!-- width: 80 -->\n```console\n$ echo $COLUMNS\n80\n```\n", True),
        (
            "<!-- width: 80 -->\n```console\n$ true\n```\n```console\n$ echo $COLUMNS\n80\n```\n",
            True,
        ),
        ("```console\n$ echo $COLUMNS\n80\n```\n", False),
        (
            f"{LICENSE}```console\n$ wc -c < copy.txt\n{(ROOT / 'LICENSE').stat().st_size}\n```\n",
            True,
        ),
        ("```console\n$ cat copy.txt\n```\n", False),
        (f"{LICENSE}{SAME}```console\n$ mv copy.txt made.txt\n```\n", True),
        ("<!-- needs: LICENSE -->\n```console\n$ true\n```\n", False),
    ],
)
def test_what_a_page_shows_is_compared(text, right):
    try:
        now, made = played(text, quick=True)
    except (RuntimeError, ValueError):
        assert not right
    else:
        assert (now == text and all(p.read_bytes() == made[p] for p in made)) == right


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("```console\n$ echo 1\n2\n```\nand on\n", "```console\n$ echo 1\n1\n```\nand on\n"),
        (
            "```pycon\n>>> for a in range(2):\n...     a\n...\n7\n```\n",
            "```pycon\n>>> for a in range(2):\n...     a\n0\n1\n```\n",
        ),
    ],
)
def test_what_is_printed_now_is_written(tmp_path, text, written):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert run(page, "--write").returncode == 0
    assert page.read_text() == written
    assert run(page).returncode == 0


def test_a_slow_block_runs_unless_the_run_is_quick(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- slow -->\n```console\n$ echo 1\n2\n```\n")
    assert run(page, "--quick").returncode == 0
    found = run(page)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-3:] == ["-2", "+1", " ```"]


def test_a_file_that_a_page_gives_is_compared_and_written(tmp_path):
    kept = ROOT / "build" / "kept.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("old\n")
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- gives: made.txt as build/kept.txt -->\n```console\n$ echo new > made.txt\n```\n"
    )
    try:
        found = run(page)
        assert found.returncode == 1
        assert "build/kept.txt is another file now" in found.stderr
        assert run(page, "--write").returncode == 0
        assert kept.read_text() == "new\n"
        assert run(page).returncode == 0
    finally:
        kept.unlink()
