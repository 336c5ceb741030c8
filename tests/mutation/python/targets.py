"""The files whose mutants are made, and the tests that must kill them: those of the same folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["GROUPS", "ROOT", "Group", "group_of"]

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Group:
    """Some files of one folder.

    Attributes
    ----------
    name : of the group
    folder : of the files, from the root; their tests are in the same folder below tests
    files : names of the files; empty: all that have something to be changed
    tested_by : names of the files of tests; empty: all of the folder
    strings : words are changed too
    hardware : the files describe hardware in Amaranth
    whole : paths of other tests, from the root, of all that the files make together
    """

    name: str
    folder: str
    files: Sequence[str] = ()
    tested_by: Sequence[str] = ()
    strings: bool = False
    hardware: bool = False
    whole: Sequence[str] = ()

    @property
    def sources(self) -> list[str]:
        """Paths of the files from the root."""
        names = self.files or sorted(
            path.name for path in (ROOT / self.folder).glob("*.py") if path.name != "__init__.py"
        )
        return [f"{self.folder}/{name}" for name in names]

    @property
    def tests(self) -> list[str]:
        """Paths of the files of tests, from the root."""
        folder = ROOT / "tests" / self.folder
        names = self.tested_by or sorted(path.name for path in folder.glob("test_*.py"))
        return [*(f"tests/{self.folder}/{name}" for name in names), *self.whole]


GROUPS = [
    Group("golden", "golden"),
    Group("cycles", "sim/cycles"),
    Group("npu", "sim/cycles/npu"),
    Group("energy", "sim/energy"),
    Group(
        *("columns", "truncmac/report"),
        files=["columns.py"],
        tested_by=["test_columns.py", "test_forms.py"],  # the page's tests are a browser's
        strings=True,
    ),
    Group("topologies", "sim/workloads", files=["topology.py"], tested_by=["test_topology.py"]),
    Group(
        *("specs", "sim/explore"),
        files=["settings.py", "space.py", "spec.py"],
        tested_by=["test_settings.py", "test_space.py", "test_spec.py"],
    ),
    Group("onnx", "truncmac/onnx", files=["read.py"], tested_by=["test_read.py"]),
    Group(
        *("checkpoints", "model"),
        files=["checkpoint.py", "cifar.py", "state.py"],
        tested_by=["test_checkpoint.py", "test_data.py", "test_state.py"],
    ),
]


@cache
def group_of(path: str) -> Group:
    """The group that a file is in."""
    return next(group for group in GROUPS if path in group.sources)
