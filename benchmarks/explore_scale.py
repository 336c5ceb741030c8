"""Watches an exploration of ten million designs: its speed and its memory as it goes on.

Run with `python -m benchmarks.explore_scale`, or `make verify STEPS=explore-scale`.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from truncmac.sim.explore.chunks import chunks_of
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.folder import read_spec

__all__ = ["SPACE", "main"]

# 32 x 32 arrays of one PE shape with 10,240 memories and clocks: 10,485,760 designs
SPACE = (
    *("--workloads", "digits", "-k", "4", "--search", "exhaustive"),
    *("--rows", "1..32", "--cols", "1..32", "--lanes", "16", "--planes", "2"),
    *("--activation-kib", "8..128+8", "--weight-kib", "16..128+16", "--dram-gb-s", "0.1..0.8+0.1"),
    *("--clock-mhz", "10..100+10", "--objectives", "images_per_s,energy_uj,buffer_kib"),
)
MARKS = (1_000_000, 5_000_000, 10_000_000)
MEBI = 1 << 20
EVERY_S = 0.5


def main() -> None:
    """Run it, and print a line at each of `MARKS`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-c", "from truncmac.cli import main; main()", "explore"]
        start = time.monotonic()
        with subprocess.Popen([*command, *SPACE, "--out", out, *sys.argv[1:]]) as run:
            _watch(run, out, start)
        size = sum(path.stat().st_size for path in out.rglob("*.parquet"))
        page = (out / "report.html").stat().st_size
    took = time.monotonic() - start
    print(f"Tables {size / MEBI:.0f} MiB, page {page / MEBI:.1f} MiB; {took:.0f} s")
    sys.exit(run.returncode)


def _watch(run: "subprocess.Popen[bytes]", out: Path, start: float) -> None:
    import psutil

    sizes: list[int] = []
    peak, then, before = 0, start, 0
    marks = list(MARKS)
    process = psutil.Process(run.pid)
    while run.poll() is None:
        time.sleep(EVERY_S)
        peak = max(peak, _memory(process, psutil))
        if not sizes and (out / "spec.json").exists():
            evaluator = evaluator_of(read_spec(out / "spec.json"))
            sizes = [len(chunk) for chunk in chunks_of(evaluator)]
            then = time.monotonic()
        done = sum(sizes[int(path.stem[-6:])] for path in out.glob("parts/part-*.parquet"))
        if marks and done >= marks[0]:
            now = time.monotonic()
            rate = (done - before) / (now - then)
            print(
                f"{done:>12,} designs  {rate:>9,.0f} a second  {peak / MEBI:>6.0f} MiB", flush=True
            )
            marks.pop(0)
            then, before, peak = now, done, 0


def _memory(process: Any, psutil: Any) -> int:
    """Resident memory of a process and its children, bytes; peak of each mark's own stretch."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


if __name__ == "__main__":
    main()
