"""Imports run one way: a room may import what stands before it, and nothing after it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GROUND = (
    "truncmac/version.py",
    "truncmac/integers.py",
    "truncmac/descriptors.py",
)  # modules that all may import

# Lowest first. Rooms in one line do not import each other.
ORDER = [
    ("golden",),
    ("hw",),
    ("hw/axi",),
    ("hw/npu",),
    ("model",),
    ("sim",),
    ("sim/cycles", "sim/workloads"),
    ("sim/cycles/npu",),
    ("sim/schedule",),
    ("sim/energy",),
    ("sim/allocate", "sim/axi"),
    ("sim/netlist", "sim/npu"),
    ("sim/characterise",),
    ("sim/fpga", "sim/rtl"),
    ("sim/explore", "sim/rtl/npu"),
    ("truncmac",),
    ("truncmac/exploration", "truncmac/onnx/export"),
    ("truncmac/onnx/export/plain",),
    ("truncmac/onnx",),
    ("truncmac/report",),
    ("truncmac/commands",),
    ("truncmac/commands/train",),
    ("truncmac/cli",),
    ("benchmarks", "benchmarks/drain", "tools"),
    ("tools/docs",),
]
FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}
APART = {"golden": {"golden"}, "hw": {"hw", "hw/axi", "hw/npu"}, "model": {"golden", "model"}}
APART["hw/axi"] = APART["hw/npu"] = APART["hw"]
PROJECT = ("truncmac", "benchmarks", "tools")
FOLDERS = ("golden", "hw", "model", "sim", *PROJECT)


def path_of(module):
    """File or folder of a module of the project, from the root; None of others."""
    parts = module.split(".")
    if parts[0] not in PROJECT:
        return None
    if parts[0] == "truncmac" and len(parts) > 1 and parts[1] in FOLDERS:
        parts = parts[1:]
    while parts:
        path = Path(*parts)
        if (ROOT / path).with_suffix(".py").is_file():
            return path.with_suffix(".py")
        if (ROOT / path).is_dir():
            return path / "__init__.py"
        parts = parts[:-1]
    return None


def imported(path, text):
    """Files of the project that the text of a file imports, wherever the import stands."""
    package = path.parent.parts if path.parts[0] in PROJECT else ("truncmac", *path.parent.parts)
    for node in ast.walk(ast.parse(text)):
        modules = []
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            modules = [base, *(f"{base}.{name.name}" for name in node.names)]
        elif isinstance(node, ast.Import):
            modules = [name.name for name in node.names]
        yield from {found for module in modules if (found := path_of(module))}


def faults(path, text):
    """Imports of a file that its room may not have."""
    room = path.parent.as_posix()
    for target in imported(path, text):
        other = target.parent.as_posix()
        if target.as_posix() in GROUND or other == room:
            continue
        if target.name == "__init__.py" and other == "truncmac":
            continue  # a module within it is what is imported
        if FLOOR[other] >= FLOOR[room] or other not in APART.get(room, FLOOR):
            yield f"{path} imports {target}"


SOURCES = sorted(p.relative_to(ROOT) for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))


def test_every_folder_of_sources_has_its_place_in_the_order():
    assert {path.parent.as_posix() for path in SOURCES} == set(FLOOR)


@pytest.mark.parametrize("room", FLOOR)
def test_no_import_runs_up(room):
    files = [path for path in SOURCES if path.parent.as_posix() == room]
    assert [f for path in files for f in faults(path, (ROOT / path).read_text())] == []


def test_the_ground_imports_nothing_of_the_project():
    for name in GROUND:
        assert list(imported(Path(name), (ROOT / name).read_text())) == []


def test_modules_import_in_no_circle():
    graph = {
        path: {target for target in imported(path, (ROOT / path).read_text()) if target != path}
        for path in SOURCES
        if path.name != "__init__.py"
    }
    modules = {path: targets & set(graph) for path, targets in graph.items()}
    assert len(list(TopologicalSorter(modules).static_order())) == len(graph)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("golden/gemm.py", "from truncmac.hw.config import ArrayConfig"),
        ("hw/core.py", "from truncmac.golden import Gemm"),
        ("hw/core.py", "from .axi.top import AxiTop"),
        ("model/export.py", "from truncmac.hw.config import ArrayConfig"),
        ("sim/cycles/control.py", "from truncmac.sim.energy.model import read"),
        ("sim/energy/model.py", "def later():\n    from truncmac.cli import main"),
        ("sim/axi/host.py", "from truncmac.sim import allocate"),
        ("truncmac/terminal.py", "import truncmac.commands.infer"),
        ("truncmac/cli/sim.py", "from benchmarks import rtl"),
    ],
)
def test_an_import_that_runs_up_is_seen(path, line):
    assert list(faults(Path(path), line)) != []
