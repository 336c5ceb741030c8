"""Runs the tests of the NPU on mutants of its hardware: `python -m tests.mutation.npu`.

A mutant is a change of the Python that describes the NPU. The benches of `tests/hw/npu` run on what
it describes then, those of the changed file first, and last random programs on a whole NPU. What
describes the same hardware is no mutant. `--part 60 --seed 7` runs so many of those that are drawn.
`--keys TEXT` runs all whose keys have such a text in them, drawn or not, and `--keys @FILE` those
of the lines of a file. `--resume` goes on with a run that was ended.
"""

import sys
from pathlib import Path

from tests.mutation.python.program import Campaign, main
from tests.mutation.python.targets import Group

__all__ = ["NPU"]

NPU = Campaign(
    module="tests.mutation.npu",
    about=__doc__,
    groups=[Group("npu", "hw/npu", hardware=True, whole=["tests/programs/test_programs.py"])],
    count=111,
    survivors=Path(__file__).with_name("npu_survivors.toml"),
)

if __name__ == "__main__":
    sys.exit(main(NPU))
