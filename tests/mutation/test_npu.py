"""What is changed of hardware, the list of survivors, and that a bench that does not end kills."""

import json
import subprocess
import sys

import pytest

from tests.mutation.npu import NPU
from tests.mutation.python.operators import mutants_of
from tests.mutation.python.program import options_of
from tests.mutation.python.sample import all_mutants, sample
from tests.mutation.python.survivors import read_survivors
from tests.mutation.python.targets import ROOT

SOURCE = """
class Part(Component):
    def __init__(self):
        super().__init__({"go": In(1)})

    def elaborate(self, platform):
        m.d.comb += [a.eq(b), c.eq(d)]
        with m.If(self.go & b):
            m.d.sync += e.eq(Mux(a, b, c))
            m.next = "GO"
"""
KEYS = [
    "__init__: super().__init__({'go': In(1)}) -> pass",
    "elaborate: m.d.comb += [a.eq(b), c.eq(d)] -> m.d.comb += [c.eq(d)]",
    "elaborate: m.d.comb += [a.eq(b), c.eq(d)] -> m.d.comb += [a.eq(b)]",
    "elaborate: m.If(self.go & b) -> m.If(0)",
    "elaborate: m.If(self.go & b) -> m.If(1)",
    "elaborate: m.If(self.go & b) -> m.If(self.go | b)",
    "elaborate: m.d.sync += e.eq(Mux(a, b, c)) -> pass",
    "elaborate: m.d.sync += e.eq(Mux(a, b, c)) -> m.d.sync += e.eq(Mux(a, c, b))",
    "elaborate: m.next = 'GO' -> pass",
]


def test_what_is_changed_of_hardware():
    found = mutants_of("b.py", SOURCE, hardware=True)
    assert [mutant.key for mutant in found] == [f"b.py Part.{key}" for key in KEYS]


def test_every_module_of_the_npu_has_mutants():
    drawn = sample(NPU.count, 1, NPU.groups)
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "hw" / "npu").glob("*.py")}
    without = {f"hw/npu/{name}.py" for name in ("__init__", "interface", "verilog")}
    assert {mutant.path for mutant in drawn} == files - without
    assert len(drawn) == NPU.count


def test_each_of_the_list_is_a_mutant_of_the_files_as_they_are():
    keys = {mutant.key for some in all_mutants(NPU.groups).values() for mutant in some}
    assert [key for key in read_survivors(NPU.survivors) if key not in keys] == []


def test_the_command_line_names_its_groups():
    assert options_of(["--resume"], NPU).count == NPU.count


SCRIPT = """
import json
from tests.mutation.python.running import judge, reach_of
from tests.mutation.python.sample import all_mutants
from tests.mutation.python.targets import Group

group = Group(
    *("one", "hw/npu"),
    files=["beside.py"],
    tested_by=["test_beside.py"],
    hardware=True,
)
mutants = [mutant for some in all_mutants([group]).values() for mutant in some]
print(json.dumps([o.outcome for _, o in judge(group, mutants, reach_of(group), workers=1)]))
"""


@pytest.mark.long
def test_every_mutant_of_a_small_block_is_killed_by_its_own_bench():
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout.splitlines()[-1])
    assert len(found) > 15 and set(found) <= {"assertion", "error"}
    assert found.count("assertion") > 15
