"""What `truncmac explore --verify` does: points on the RTL, with a line for each."""

import time

from truncmac.sim.explore.evaluation import Evaluator
from truncmac.sim.explore.found import Exploration
from truncmac.sim.explore.verify import choose_entries, verify_entry
from truncmac.terminal import Terminal

__all__ = ["verify"]

MOST_LINES = 10  # of differences of a point


def verify(evaluator: Evaluator, found: Exploration, count: int, quiet: bool) -> bool:
    """Run `count` points of the fronts and as many others; True if nothing differs.

    Raises
    ------
    ValueError
        If there is no point to run.
    """
    console = Terminal(stderr=quiet)
    entries = choose_entries(found.fronts.table, found.sample.table, count, evaluator.spec.seed)
    if not entries:
        raise ValueError("--verify found no design that meets the constraints")
    right = True
    for entry in entries:
        start = time.monotonic()
        with console.status(f"Point {entry['point']} on the RTL ..."):
            verdict = verify_entry(evaluator, entry)
        what = (
            "each different layer cut to a few tiles, random codes" if verdict.cut else "one image"
        )
        console.print(
            f"Point {entry['point']}, {entry['workload']} at k = {entry['bits']}: {verdict.layers} "
            f"layers ({what}), {verdict.outputs:,} outputs and {verdict.counters} counters, "
            f"{len(verdict.differences)} differences, {time.monotonic() - start:.0f} s",
            soft_wrap=True,
        )
        for line in verdict.differences[:MOST_LINES]:
            console.print(line, style="bold red", soft_wrap=True)
        right &= not verdict.differences
    return right
