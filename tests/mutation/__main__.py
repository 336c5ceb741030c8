"""Runs the mutants: `python -m tests.mutation [--count N] [--seed S] [--judge]`."""

import argparse
import sys
import time
from pathlib import Path

from .campaign import campaign

REASONS = {
    "equivalent": "proven: no output of the core ever differs",
    "differs": "a difference that no run saw",
    "unknown": "no difference within the bounded search; not proven for ever",
}


def main() -> int:
    """Run and print; exit code 1 where a mutant is shown to differ and no run saw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1200, help="mutants")
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--judge", action="store_true", help="compare survivors with the core")
    parser.add_argument("--folder", type=Path, default=Path("build/mutation"))
    options = parser.parse_args()

    start = time.monotonic()
    done = campaign(
        options.count,
        options.seed,
        options.folder,
        judged=options.judge,
        report=lambda line: print(f"{time.monotonic() - start:6.0f} s  {line}", flush=True),
    )
    killed = len(done.mutants) - len(done.survivors)
    print(
        f"{len(done.mutants)} mutants, {killed} killed by simulation, {len(done.survivors)} live:"
    )
    counts = dict.fromkeys(REASONS, 0)
    for mutant, judgement in done.survivors:
        if judgement is None:
            print(f"  no verdict: {mutant.key}")
            continue
        counts[judgement.verdict] += 1
        print(f"  {judgement.verdict} ({judgement.frames} cycles): {mutant.key}")
    if options.judge:
        for name, reason in REASONS.items():
            print(f"  {counts[name]} {name}: {reason}")
    return bool(done.holes)


if __name__ == "__main__":
    sys.exit(main())
