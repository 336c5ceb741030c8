"""Every package that is imported is named in pyproject.toml, where its users find it."""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SHIPPED = ("golden", "hw", "model", "sim", "truncmac")
DEVELOPERS = ("benchmarks", "tests", "tools")

# Extras whose packages a room or a module may import beside what is always installed; the
# longest prefix counts. Developers' folders may import all.
EXTRAS = {
    "golden/pictures.py": {"train"},
    "model": {"train"},
    "sim/explore": {"explore"},
    "sim/jobs.py": {"explore"},
    "sim/netlist/groups.py": {"energy"},
    "sim/workloads/tracing.py": {"train"},
    "truncmac/exploration": {"explore"},
    "truncmac/onnx": {"onnx"},
    "truncmac/onnx/runtime.py": {"runtime"},
    "truncmac/plots.py": {"report"},
    "truncmac/report": {"report"},
}
UNNAMED = {  # by whom they are imported, and why nobody else needs them
    "atheris": "tests/fuzz/loaders.py, which the step of fuzzing installs: it is for few platforms",
    "no_such_package": "tests/sim/test_extras.py, to see what is said of it",
    "brevitas": "tests/truncmac/onnx/data/brevitas_networks.py, which made the networks beside it",
}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def named(*extras):
    """Distributions that an installation with these extras asks for."""
    found, waiting = set(), set(extras)
    requirements = list(PROJECT["project"]["dependencies"])
    for extra in waiting:
        requirements += PROJECT["project"]["optional-dependencies"][extra]
    for requirement in requirements:
        name, inner = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", requirement).groups()
        if name == "truncmac":
            found |= named(*inner.split(","))
        else:
            found.add(canonical(name))
    return found


def imported(path, text):
    """Top names of the packages, not ours and not Python's, that a file imports anywhere."""
    own = {*SHIPPED, *DEVELOPERS, "truncmac"}
    for node in ast.walk(ast.parse(text)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module]
        tops = {module.partition(".")[0] for module in modules}
        yield from tops - own - sys.stdlib_module_names


BROUGHT = packages_distributions()  # which takes a second


def distributions(top):
    """What brings a package; its own name where nothing installed does."""
    return {canonical(name) for name in BROUGHT.get(top, [top])}


def allowed(path):
    """Distributions that a file may import."""
    if path.parts[0] in DEVELOPERS:
        return named("train", "dev")
    rooms = [room for room in EXTRAS if path.is_relative_to(room)]
    return named(*EXTRAS[max(rooms, key=len)]) if rooms else named()


def missing(path, text):
    """Packages that a file imports and that need not be installed where it runs."""
    return sorted(
        top
        for top in set(imported(path, text))
        if top not in UNNAMED and not distributions(top) & allowed(path)
    )


SOURCES = sorted(
    p.relative_to(ROOT) for f in (*SHIPPED, *DEVELOPERS) for p in (ROOT / f).rglob("*.py")
)


def test_every_imported_package_is_named_where_it_is_used():
    found = {str(path): missing(path, (ROOT / path).read_text()) for path in SOURCES}
    assert {path: tops for path, tops in found.items() if tops} == {}


def test_no_exception_is_left_over():
    users = defaultdict(list)
    for path in SOURCES:
        for top in imported(path, (ROOT / path).read_text()):
            users[top].append(path)
    for top, reason in UNNAMED.items():
        assert {str(path) for path in users[top]} == {reason.partition(",")[0]}
    plain = {}
    for room in EXTRAS:
        tops = {top for top, paths in users.items() for p in paths if p.is_relative_to(room)}
        plain[room] = {name for top in tops for name in distributions(top)} <= named()
    assert [room for room, needless in plain.items() if needless] == []


@pytest.mark.parametrize(
    ("path", "line", "tops"),
    [
        ("sim/rtl/waves.py", "from vcd import writer", []),
        ("sim/rtl/waves.py", "def later():\n    import torch.nn as nn", ["torch"]),
        ("truncmac/report/page.py", "import plotly", ["plotly"]),
        ("truncmac/exploration/page.py", "import plotly, matplotlib", []),
        ("golden/gemm.py", "from PIL import Image", ["PIL"]),
        ("hw/core.py", "import pytest", ["pytest"]),
        ("tools/sweep.py", "import psutil, torch", []),
        ("tests/support.py", "import scipy", ["scipy"]),
    ],
)
def test_a_package_that_is_not_named_is_seen(path, line, tops):
    assert missing(Path(path), line) == tops


def test_every_requirement_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    tables = re.findall(r'(?ms)^(?:dependencies|\w+) = \[\n(    "[\w-]+[\[>=].*?)^\]', text)
    lines = [line for table in tables for line in table.splitlines()]
    assert len(lines) > 40
    assert [line for line in lines if not re.search(r"# \w", line)] == []


def test_every_requirement_has_the_version_that_the_tests_ran_with():
    pinned = {
        canonical(re.match(r"[\w.-]+", line)[0])
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert named("train", "dev") - pinned == set()
