"""What `truncmac sim` does: random products on the RTL, compared with golden."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.cosim import Outcome, simulate
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.rtl.waves import write_views
from truncmac.sim.stalls import Stalls
from truncmac.terminal import Terminal, new_table

from .progress import simulation

__all__ = ["SimRequest", "sim"]

console = Terminal()


@dataclass(frozen=True, kw_only=True)
class SimRequest:
    """What to run.

    Attributes
    ----------
    config, simulator, seed : the array, "verilator" or "icarus", and of all random numbers
    bits, count : bit-widths, and products for each
    stall : share of cycles in which each stream pauses
    waves : VCD to record, if any; views of it are written beside it
    """

    config: ArrayConfig
    simulator: str
    bits: Sequence[int]
    count: int
    stall: float
    seed: int
    waves: Path | None = None

    def __post_init__(self) -> None:
        if self.waves is not None and self.waves.suffix != ".vcd":
            raise ValueError(f"--waves must name a .vcd file, not {str(self.waves)!r}")


def sim(request: SimRequest, *, as_json: bool) -> bool:
    """Run random products on the RTL and print a line for each k; True if all equals golden."""
    gemms = random_gemms(request.config, bits=request.bits, count=request.count, seed=request.seed)
    with console.silent(as_json):
        with simulation(console, request.simulator) as (on_build, on_progress):
            outcomes = simulate(
                gemms,
                request.config,
                simulator=request.simulator,
                stalls=Stalls.everywhere(request.stall, request.seed),
                waves=request.waves,
                on_build=lambda: on_build(len(gemms)),
                on_progress=on_progress,
            )
        written = []
        if request.waves is not None:
            written = [request.waves, *write_views(request.waves)]
        lines = [_line(k, outcomes) for k in request.bits]
        if as_json:
            print(json.dumps(_as_dictionary(request, lines, written), indent=2))
        console.print(_table(lines))
        for path in written:
            console.print(f"Written: {path}, {path.stat().st_size:,} bytes", soft_wrap=True)
    return not any(outcome.mismatches for outcome in outcomes)


def _line(k: int, outcomes: Sequence[Outcome]) -> dict[str, int]:
    part = [outcome for outcome in outcomes if outcome.gemm.bits == k]
    return {
        "k": k,
        "products": len(part),
        "outputs": sum(outcome.outputs.size for outcome in part),
        "cycles": sum(outcome.cycles for outcome in part),
        "mismatches": sum(outcome.mismatches for outcome in part),
    }


def _table(lines: Sequence[dict[str, int]]) -> Table:
    """A line for each k."""
    return new_table(lines[0], ((f"{value:,}" for value in line.values()) for line in lines))


def _as_dictionary(
    request: SimRequest, lines: Sequence[dict[str, int]], written: Sequence[Path]
) -> dict[str, object]:
    return {
        "array": asdict(request.config),
        "simulator": request.simulator,
        "seed": request.seed,
        "stall": request.stall,
        "bits": list(lines),
        "files": [str(path) for path in written],
    }
