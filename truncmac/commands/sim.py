"""What `truncmac sim` does: random products or networks on the RTL, compared with golden."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.stimulus import WIDTHS
from truncmac.sim.rtl.cosim import Outcome, simulate
from truncmac.sim.rtl.npu.pauses import Pauses
from truncmac.sim.rtl.npu.programs import run_programs
from truncmac.sim.rtl.npu.runs import ProgramOutcome
from truncmac.sim.rtl.npu.stimulus import RandomProgram, random_programs, wrong_bytes
from truncmac.sim.rtl.stimulus import random_gemms
from truncmac.sim.rtl.waves import write_views
from truncmac.sim.stalls import Stalls
from truncmac.terminal import Terminal, new_table

from .progress import simulation

__all__ = ["NpuSimRequest", "SimRequest", "sim", "sim_npu"]

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
        _check_waves(self.waves)


@dataclass(frozen=True, kw_only=True)
class NpuSimRequest:
    """What to run on an NPU.

    Attributes
    ----------
    config, simulator, seed : the NPU, "verilator" or "icarus", and of all random numbers
    bits, count : bit-widths, None for all that a random network has, and networks
    stall : share of cycles in which each channel of the bus pauses
    waves : VCD to record, if any; views of it are written beside it
    """

    config: NpuConfig
    simulator: str
    bits: Sequence[int] | None
    count: int
    stall: float
    seed: int
    waves: Path | None = None

    def __post_init__(self) -> None:
        _check_waves(self.waves)


def _check_waves(waves: Path | None) -> None:
    if waves is not None and waves.suffix != ".vcd":
        raise ValueError(f"--waves must name a .vcd file, not {str(waves)!r}")


def _views(waves: Path | None) -> list[Path]:
    """The waveforms of a run and the views of them, which are written; none if there are none."""
    return [] if waves is None else [waves, *write_views(waves)]


def _tell(written: Sequence[Path]) -> None:
    for path in written:
        console.print(f"Written: {path}, {path.stat().st_size:,} bytes", soft_wrap=True)


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
        written = _views(request.waves)
        lines = [_line(k, outcomes) for k in request.bits]
        if as_json:
            print(json.dumps(_as_dictionary(request, lines, written), indent=2))
        console.print(_table(lines))
        _tell(written)
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


def sim_npu(request: NpuSimRequest, *, as_json: bool) -> bool:
    """Run random networks on the NPU and print a line for each k; True if all is the reference's.

    Whatever a program leaves in memory is compared, and its end: a fault is a difference.
    """
    bits = WIDTHS if request.bits is None else request.bits
    pauses = Pauses.everywhere(request.stall, request.seed)
    with console.silent(as_json):
        programs = random_programs(
            request.config, bits=bits, count=request.count, seed=request.seed
        )
        with simulation(console, request.simulator, "NPU", "programs on the NPU's RTL") as (
            on_build,
            on_progress,
        ):
            outcomes = run_programs(
                [program.run for program in programs],
                request.config,
                simulator=request.simulator,
                pauses=pauses,
                axi_ram=True,
                waves=request.waves,
                on_build=lambda: on_build(len(programs)),
                on_progress=on_progress,
            )
        both = list(zip(programs, outcomes, strict=True))
        lines = [_npu_line(request.config, k, both) for k in bits]
        wrong = [_wrong(request.config, *pair) for pair in both]
        found = [text for text in wrong if text]
        written = _views(request.waves)
        if as_json:
            print(json.dumps(_npu_dictionary(request, lines, found, written), indent=2))
        console.print(_table(lines))
        for text in found:
            console.print(text, soft_wrap=True)
        _tell(written)
    return not found


def _npu_line(
    config: NpuConfig, k: int, both: Sequence[tuple[RandomProgram, ProgramOutcome]]
) -> dict[str, int]:
    part = [(program, outcome) for program, outcome in both if program.bits == k]
    compared = [wrong_bytes(config, program.run, outcome) for program, outcome in part]
    return {
        "k": k,
        "networks": len(part),
        "bytes": sum(size for _, size in compared),
        "cycles": sum(outcome.cycles for _, outcome in part),
        "mismatches": sum(wrong for wrong, _ in compared),
    }


def _wrong(config: NpuConfig, program: RandomProgram, outcome: ProgramOutcome) -> str:
    """What is wrong with a run, as a line; nothing: an empty one."""
    name = f"{program.network}, k = {program.bits}"
    if not outcome.ended:
        return f"{name}: ended with fault {outcome.fault.name.lower()}, descriptor {outcome.index}"
    if outcome.strays:
        return f"{name}: {outcome.strays} accesses outside its regions"
    wrong, size = wrong_bytes(config, program.run, outcome)
    return f"{name}: {wrong} of {size} bytes differ" if wrong else ""


def _npu_dictionary(
    request: NpuSimRequest,
    lines: Sequence[dict[str, int]],
    wrong: Sequence[str],
    written: Sequence[Path],
) -> dict[str, object]:
    return {
        "npu": asdict(request.config),
        "simulator": request.simulator,
        "seed": request.seed,
        "stall": request.stall,
        "bits": list(lines),
        "wrong": list(wrong),
        "files": [str(path) for path in written],
    }
