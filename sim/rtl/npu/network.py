"""Runs exported networks on the NPU's Verilog, and compares what it leaves with golden."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.descriptors import Region
from truncmac.golden import Executor, Network, Setting
from truncmac.golden.types import AnyIntegers, Codes
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.bound import bound_cycles
from truncmac.sim.npu.compiled import Compiled, Entry
from truncmac.sim.npu.compiler import compile_network

from ..simulator import SimulationError
from .pauses import PROMPT, Pauses
from .programs import run_programs
from .runs import ProgramOutcome, ProgramRun

__all__ = ["NpuReport", "compiled_for_npu", "program_run", "run_compiled"]

FILL = 0xA5  # what output and scratch hold before a run


@dataclass(frozen=True)
class NpuReport:
    """What the NPU made of some images at one k, or at a k for each layer.

    Attributes
    ----------
    setting : its k
    outcomes : a run for each image, without debug stores
    bound : cycles that the array needs at least for an image: see `bound_cycles`
    outputs : number of outputs that were compared with golden
    mismatches : number of those that differ
    difference : the first of them, by layer and image, or None
    """

    setting: Setting
    outcomes: Sequence[ProgramOutcome]
    bound: int
    outputs: int
    mismatches: int
    difference: Mapping[str, Any] | None

    @property
    def cycles(self) -> int:
        """Cycles of one image from start to interrupt: the most that an image took."""
        return max(outcome.cycles for outcome in self.outcomes)

    @property
    def bytes_read(self) -> int:
        """Bytes that one image reads of memory: the most that an image did."""
        return max(outcome.bytes_read for outcome in self.outcomes)


def compiled_for_npu(
    network: Network, settings: Sequence[Setting], config: NpuConfig, *, layers: bool = False
) -> list[Compiled]:
    """Programs for `run_compiled`: the network's own, and with `layers` those that keep every map.

    Raises
    ------
    ValueError
        If the network does not fit the NPU: names the layer, what it needs and what there is.
    """
    kept = (False, True) if layers else (False,)
    return [compile_network(network, config, settings, keep=keep) for keep in kept]


def program_run(compiled: Compiled, entry: Entry, image: Codes) -> ProgramRun:
    """The run of a program for an image, uint8 (C, H, W)."""
    return ProgramRun(
        {
            Region.PROGRAM: np.frombuffer(compiled.program, np.uint8),
            Region.INPUT: compiled.input_of(image),
            Region.OUTPUT: np.full(compiled.output_bytes, FILL, np.uint8),
            Region.SCRATCH: np.full(compiled.scratch_bytes, FILL, np.uint8),
        },
        entry.offset,
    )


def run_compiled(
    programs: Sequence[Compiled],
    images: Codes,
    *,
    simulator: str = "verilator",
    pauses: Pauses = PROMPT,
    verilog: str | None = None,
    build_root: Path = Path("build/sim"),
    on_build: Callable[[int], None] = lambda total: None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[NpuReport]:
    """Run images at each setting, one start for each, and compare with golden.

    Parameters
    ----------
    programs : of `compiled_for_npu`; figures are of the first, each layer's codes of the second
    images : uint8 (B, C, H, W), codes
    on_build : called with the number of runs to come, when the simulator is built
    on_progress : called with the number of runs done so far

    Raises
    ------
    ToolMissingError, SimulationError
        As `run_programs`; also if a program did not run to its end: names it, and why.
    """
    jobs = [
        (compiled, entry, image)
        for compiled in programs
        for entry in compiled.entries
        for image in images
    ]
    outcomes = run_programs(
        [program_run(*job) for job in jobs],
        programs[0].config,
        simulator=simulator,
        pauses=pauses,
        verilog=verilog,
        build_root=build_root,
        on_build=lambda: on_build(len(jobs)),
        on_progress=on_progress,
    )
    for (_, entry, _), outcome in zip(jobs, outcomes, strict=True):
        _check_end(entry, outcome)
    count, found = len(images), iter(outcomes)
    runs = [
        [[next(found) for _ in range(count)] for _ in compiled.entries] for compiled in programs
    ]
    return [
        _report(programs, images, index, [of_program[index] for of_program in runs])
        for index in range(len(programs[0].entries))
    ]


def _check_end(entry: Entry, outcome: ProgramOutcome) -> None:
    name = f"The program for k = {entry.setting.name}"
    if not outcome.ended:
        raise SimulationError(
            f"{name} did not run to its end: descriptor {outcome.index}, "
            f"{outcome.fault.name.lower()}, status {dict(outcome.status)}"
        )
    if outcome.strays:
        raise SimulationError(f"{name} touched memory outside its regions {outcome.strays} times")


def _report(
    programs: Sequence[Compiled],
    images: Codes,
    index: int,
    runs: Sequence[Sequence[ProgramOutcome]],
) -> NpuReport:
    """Compare all runs of the setting `index`; `runs` are of each program, for each image."""
    network, setting = programs[0].network, programs[0].entries[index].setting
    last = network.layers[-1].name
    keep = {last, *(name for compiled in programs for name in compiled.kept)}
    names = [layer.name for layer in network.layers if layer.name in keep]
    expected = Executor(network, setting.bits).run(images, keep=names).outputs
    outputs = mismatches = 0
    first: Mapping[str, Any] | None = None
    for compiled, outcomes in zip(programs, runs, strict=True):
        for image, outcome in enumerate(outcomes):
            for name, given in _given(compiled, index, outcome):
                wanted = expected[name][image]
                outputs += wanted.size
                wrong = given.reshape(wanted.shape) != wanted
                mismatches += int(wrong.sum())
                found = _difference(name, image, wanted, given.reshape(wanted.shape))
                if found and (first is None or _order(network, found) < _order(network, first)):
                    first = found
    bound = bound_cycles(programs[0], setting.bits)
    return NpuReport(setting, runs[0], bound, outputs, mismatches, first)


def _given(
    compiled: Compiled, index: int, outcome: ProgramOutcome
) -> Iterator[tuple[str, AnyIntegers]]:
    """What a run left: the output, and the maps that were kept, by layer, (C, H, W)."""
    names = {layer.name for layer in compiled.network.layers}
    scratch = outcome.regions[Region.SCRATCH]
    for name, part in compiled.kept.items():
        if name in names:
            codes = scratch[part.offset :][: int(np.prod(part.shape))].reshape(part.shape)
            yield name, codes.transpose(2, 0, 1)
    last = compiled.network.layers[-1].name
    yield last, compiled.output_of(compiled.entries[index], outcome.regions[Region.OUTPUT])


def _difference(
    name: str, image: int, wanted: AnyIntegers, given: AnyIntegers
) -> dict[str, Any] | None:
    """The first output of a layer that differs; None if there is none."""
    wrong = given != wanted
    if not wrong.any():
        return None
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    axes = ("channel", "y", "x")
    return {
        "layer": name,
        "image": image,
        "mismatches": int(wrong.sum()),
        "outputs": wanted.size,
        **{axis: int(at) for axis, at in zip(axes, place, strict=False)},
        "golden": int(wanted[place]),
        "rtl": int(given[place]),
    }


def _order(network: Network, found: Mapping[str, Any]) -> tuple[int, int]:
    """Where a difference stands: by layer, then by image."""
    names = [layer.name for layer in network.layers]
    return names.index(found["layer"]), found["image"]
