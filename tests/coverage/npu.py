"""Plays programs into the NPU, right and wrong ones, and reads what they covered of its logic."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tests.coverage.measure import BUILDS, FOLDER
from tests.coverage.points import Point, read_points
from tests.golden.networks import small_network
from tests.programs.cycles import differences
from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    Operation,
    ProgramFault,
    Region,
    pack_descriptor,
    unpack_descriptor,
)
from truncmac.golden import ProgramError, Setting, interpret
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog
from truncmac.sim.npu.compiler import compile_network, machine_of
from truncmac.sim.npu.stimulus import fitting, random_images
from truncmac.sim.rtl.npu.image import MemoryImage
from truncmac.sim.rtl.npu.network import program_run
from truncmac.sim.rtl.npu.pauses import PROMPT, Pauses
from truncmac.sim.rtl.npu.programs import BUILD_ARGS, memory_harness
from truncmac.sim.rtl.npu.runs import BusError, ProgramOutcome, ProgramRun
from truncmac.sim.rtl.npu.stimulus import random_programs, wrong_bytes
from truncmac.sim.rtl.simulator import built

__all__ = ["CONFIG", "Played", "npu_points", "stimulus"]

# Rows and columns of tiles, lanes that share a word's codes, two ports of words, two groups' rests
CONFIG = NpuConfig(array=ArrayConfig(4, 8, 2, 2, 600, 4), depth=300, outstanding=2)
MEMORY = 1 << 24  # bytes
HANG_CYCLES = 100_000
CORE = "truncmac_npu.engine.convolver.core"  # has its own page


@dataclass(frozen=True)
class Played:
    """Runs that follow each other beside one memory.

    Attributes
    ----------
    name : of the runs
    runs : programs
    pauses : of the memory
    """

    name: str
    runs: Sequence[ProgramRun]
    pauses: Pauses = PROMPT


def stimulus() -> Iterator[Played]:
    """All that is played."""
    for number, pauses in enumerate(
        (
            PROMPT,
            Pauses(latency=30, gaps={"r": 3, "aw": 9}),
            Pauses(latency=3, gaps={"w": 7, "b": 20}),
            Pauses.everywhere(0.5, seed=4, latency=9),
        )
    ):
        programs = random_programs(CONFIG, count=8, seed=number + 1)
        yield Played(f"random_{number}", [program.run for program in programs], pauses)
    yield Played("bare", list(_bare(count=20, seed=11000)))
    yield Played("banded", list(_banded(40, count=8, seed=9)), Pauses(latency=12))
    whole = _small()
    yield Played("disturbed", list(_disturbed(whole)))
    yield Played("disturbed_late", list(_disturbed(whole)), Pauses(latency=40, gaps={"ar": 4}))
    yield Played("wrong", list(_wrong(whole)))
    yield Played("damaged", list(_damaged(whole, 500, seed=1)))


def _bare(count: int, seed: int) -> Iterator[ProgramRun]:
    """Programs that keep no map in memory, so that layers follow each other."""
    settings = [Setting("8", 8), Setting("1", 1)]
    made = fitting(lambda network: compile_network(network, CONFIG, settings), seed)
    for compiled in islice(made, count):
        for entry in compiled.entries:
            yield program_run(compiled, entry, random_images(compiled.network, seed)[0])


def _banded(depth: int, count: int, seed: int) -> Iterator[ProgramRun]:
    """Programs for banks of fewer words, so that maps come and go by bands beside what computes."""
    small = replace(CONFIG, depth=depth)
    for program in random_programs(small, bits=(8, 2), count=count, seed=seed):
        data = program.run.regions[Region.PROGRAM].copy()
        data[program.run.entry + 8 :][:4] = np.frombuffer(
            CONFIG.configuration.to_bytes(4, "little"), np.uint8
        )
        yield replace(program.run, regions={**program.run.regions, Region.PROGRAM: data})


def _small() -> ProgramRun:
    compiled = compile_network(small_network(), CONFIG, [Setting("2", 2)], keep=True)
    image = np.random.default_rng(1).integers(0, 64, (2, 7, 6)).astype(np.uint8)
    return program_run(compiled, compiled.entries[0], image)


def _disturbed(whole: ProgramRun) -> Iterator[ProgramRun]:
    """Software that starts again or stops, errors of the bus, and resets."""
    yield whole
    for cycle in (1, 2, 60, 300, 800, 1500):
        yield replace(whole, again_at=cycle)
        yield replace(whole, stop_at=cycle)
        yield replace(whole, reset_at=cycle)
    for region in Region:
        size = whole.regions[region].size
        for first in range(0, size, max(size // 12, 1)):
            yield replace(whole, error=BusError(region, first, 4, ("SLVERR", "DECERR")[first % 2]))
    for region in Region:
        short = whole.regions[region][: whole.regions[region].size - 8]
        yield replace(whole, regions={**whole.regions, region: short})
        program = whole.regions[Region.PROGRAM].copy()
        program[whole.entry + 16 + 4 * region :][:4] = 0  # as if no bytes of it were needed
        if region != Region.PROGRAM:
            some = {**whole.regions, Region.PROGRAM: program, region: short}
            yield replace(whole, regions=some)
    yield whole


def _wrong(whole: ProgramRun) -> Iterator[ProgramRun]:
    """Programs that are no programs, or of another NPU, and a map in the group of another."""
    for offset in (4, 8):  # version and configuration
        yield _with(whole, offset, whole.regions[Region.PROGRAM][whole.entry + offset] ^ 1)
    for number in range(1, whole.regions[Region.PROGRAM].size // DESCRIPTOR_BYTES):
        first = whole.entry + number * DESCRIPTOR_BYTES
        data = whole.regions[Region.PROGRAM][first : first + DESCRIPTOR_BYTES].tobytes()
        operation, values = unpack_descriptor(data)
        if operation == Operation.END:
            return
        if "input_map_group" in values and "output_map_group" in values:
            values = {**values, "output_map_group": values["input_map_group"]}
            program = whole.regions[Region.PROGRAM].copy()
            new = pack_descriptor(operation, values)
            program[first : first + DESCRIPTOR_BYTES] = np.frombuffer(new, np.uint8)
            run = replace(whole, regions={**whole.regions, Region.PROGRAM: program})
            if _refused(run)[0] == ProgramFault.GROUPS:
                yield run


def _with(whole: ProgramRun, offset: int, byte: int) -> ProgramRun:
    """The same with another byte of the program."""
    program = whole.regions[Region.PROGRAM].copy()
    program[whole.entry + offset] = byte
    return replace(whole, regions={**whole.regions, Region.PROGRAM: program})


def _damaged(whole: ProgramRun, count: int, seed: int) -> Iterator[ProgramRun]:
    """Programs with a wrong byte or bit, for which the reference refuses them."""
    rng = np.random.default_rng(seed)
    begin = whole.regions[Region.PROGRAM][whole.entry :][:DESCRIPTOR_BYTES]
    _, values = unpack_descriptor(begin.tobytes())
    for number in range(count):
        program = whole.regions[Region.PROGRAM].copy()
        at = whole.entry + int(rng.integers(values["descriptors"] * DESCRIPTOR_BYTES))
        program[at] = int(rng.integers(256)) if number % 2 else program[at] ^ 1 << rng.integers(8)
        run = replace(whole, regions={**whole.regions, Region.PROGRAM: program})
        # What the reference reads outside a region, the hardware may not read at all
        if _refused(run)[0] not in (None, ProgramFault.NONE, ProgramFault.ADDRESS):
            yield run


def _refused(run: ProgramRun) -> tuple[ProgramFault | None, int | None]:
    """Fault and index with which the reference refuses a run; None where hardware sees nothing."""
    regions = {region: data.copy() for region, data in run.regions.items()}
    try:
        interpret(machine_of(CONFIG), regions, entry=run.entry)
    except ProgramError as error:
        return error.fault, error.index
    return ProgramFault.NONE, None


def npu_points(
    plays: Sequence[Played],
) -> tuple[Mapping[Point, int], Sequence[Sequence[ProgramOutcome]]]:
    """Play all runs into the NPU; what they covered of its own modules, and what came of each."""
    text = npu_verilog(CONFIG)
    paths = []
    for build, options in BUILDS.items():
        harness = replace(
            memory_harness(text, CONFIG, MEMORY),
            arguments={"verilator": [*BUILD_ARGS["verilator"], *options]},
            optimised=False,
        )
        ready = built(harness, "verilator", FOLDER / NPU_TOP, build)
        found = []
        for played in plays:
            path = FOLDER / NPU_TOP / f"{build}_{played.name}.dat"
            image = MemoryImage.of(CONFIG, played.runs)
            with ready.place() as run:
                hang = f"+hang_cycles={HANG_CYCLES}"
                plusargs = [*image.write(run), *played.pauses.plusargs(), hang]
                ready.play(run, plusargs, progress=run / "results.hex")
                found.append(image.outcomes(run))
                check_npu(played, found[-1])
                shutil.copyfile(run / "coverage.dat", path)
            paths.append(path)
    points = read_points(paths, ready.folder / harness.design)
    return {point: count for point, count in points.items() if is_own(point.module)}, found


def is_own(module: str) -> bool:
    """Whether a module is the NPU's, and no part of the core."""
    return module == "truncmac_bank" or (module.startswith(NPU_TOP) and not _in_core(module))


def _in_core(module: str) -> bool:
    return module == CORE or module.startswith(f"{CORE}.")


def check_npu(played: Played, outcomes: Sequence[ProgramOutcome]) -> None:
    """Raise RuntimeError unless each run leaves what the reference does, or is refused as there."""
    for number, (run, outcome) in enumerate(zip(played.runs, outcomes, strict=True)):
        fault, index = _refused(run)
        where = f"Run {number} of {played.name}"
        if run.stop_at or run.error is not None:
            known = {ProgramFault.NONE, ProgramFault.STOPPED, ProgramFault.READ, ProgramFault.WRITE}
            if outcome.fault not in known:
                raise RuntimeError(f"{where} ended with {outcome.fault.name}")
        elif outcome.fault != fault or (index is not None and outcome.index != index):
            raise RuntimeError(
                f"{where} ended with {outcome.fault.name} at {outcome.index}, "
                f"not {fault.name} at {index}"
            )
        if outcome.fault == ProgramFault.NONE and wrong_bytes(CONFIG, run, outcome)[0]:
            raise RuntimeError(f"{where} leaves other bytes than the reference")
    counted = played.name.startswith(("random", "bare", "banded")) and not played.pauses.shares
    if counted and (lines := differences(played.runs, outcomes, CONFIG, played.pauses)):
        raise RuntimeError(f"Counters of {played.name}: {lines[0]}")
