"""Runs the mutants: `python -m tests.mutation [--count N] [--seed S] [--write]`."""

import argparse
import json
import sys
import time
from pathlib import Path

from truncmac.golden import write_bytes

from .campaign import SURVIVORS, campaign, known_survivors

REASONS = {
    "equivalent": "proven: no output of the core ever differs",
    "differs": "a difference that no run saw",
    "unknown": "no difference within the bounded search; not proven for ever",
}


def main() -> int:
    """Run, print, compare with the committed list; exit code 1 where a mutant should have died."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1200, help="mutants")
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--write", action="store_true", help="write the list of survivors")
    parser.add_argument("--folder", type=Path, default=Path("build/mutation"))
    options = parser.parse_args()

    start = time.monotonic()
    done = campaign(
        options.count,
        options.seed,
        options.folder,
        report=lambda line: print(f"{time.monotonic() - start:6.0f} s  {line}", flush=True),
    )
    verdicts: dict[str, dict[str, object]] = {}
    for mutant, judgement in done.survivors:
        verdicts[mutant.key] = {"verdict": judgement.verdict, "frames": judgement.frames}
        if judgement.verdict != "equivalent":
            print(f"{judgement.verdict} in cycle {judgement.frames}: {mutant.key}")
    counts = {name: 0 for name in REASONS}
    for _, judgement in done.survivors:
        counts[judgement.verdict] += 1
    killed = len(done.mutants) - len(done.survivors)
    print(
        f"{len(done.mutants)} mutants, {killed} killed by simulation, {len(done.survivors)} live:"
    )
    for name, reason in REASONS.items():
        print(f"  {counts[name]} {name}: {reason}")
    if options.write:
        text = json.dumps(dict(sorted(verdicts.items())), indent=1) + "\n"
        write_bytes(SURVIVORS, text.encode())
        return 0
    known = known_survivors()
    new = [key for key in verdicts if key not in known]
    print(f"{len(new)} survivors are not in {SURVIVORS.name}" if new else "All are as listed.")
    return bool(done.holes or any(verdicts[key]["verdict"] != "equivalent" for key in new))


if __name__ == "__main__":
    sys.exit(main())
