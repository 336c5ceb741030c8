"""Runs the tests on mutants of the Python: `python -m tests.mutation.python`.

`--part 60 --seed 7` runs so many of them, drawn by the seed. `--keys TEXT` runs all mutants whose
keys have such a text in them, drawn or not, and `--keys @FILE` those of the lines of a file.
`--resume` goes on with a run that was ended.
"""

import sys

from tests.mutation.python.program import Campaign, main

if __name__ == "__main__":
    sys.exit(main(Campaign(about=__doc__)))
