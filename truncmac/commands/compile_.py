"""What `truncmac compile` does: writes a network as programs of the NPU."""

import json
from collections.abc import Sequence
from pathlib import Path

from truncmac.golden import Setting, network_by_name
from truncmac.golden.files import write_all
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.npu.bound import bound_cycles
from truncmac.sim.npu.compiled import Compiled
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.counting import count_program
from truncmac.sim.npu.files import compiled_files, memory_map
from truncmac.terminal import Terminal, new_table

from .files import file_sizes

__all__ = ["compile_for_npu"]

console = Terminal()
WAITS = {  # what the core waits for, and the counters that say how long
    "windows": ("core_stalled_activations",),
    "weights": ("core_stalled_weights", "core_stalled_parameters"),
    "drain": ("core_stalled_drain",),
    "edge": ("core_stalled_output",),
    "no\ntile": ("fetching", "passing", "moving"),
}


def compile_for_npu(
    name: str,
    config: NpuConfig,
    settings: Sequence[Setting],
    *,
    out: Path,
    counted: int | None = None,
    as_json: bool = False,
) -> None:
    """Compile a network, and write its files to a folder.

    Parameters
    ----------
    settings : a program is made for each; none: for each k that the network has
    counted : the memory's latency, with which each program's cycles are counted too; None: they
        are not
    """
    network = network_by_name(name)
    chosen = settings or [Setting(str(k), k) for k in sorted(network.bit_widths, reverse=True)]
    with console.on_stderr(as_json), console.status("Compiling ..."):
        compiled = compile_network(network, config, chosen)
    files = {out / name: data for name, data in compiled_files(compiled).items()}
    write_all(files)
    counts = {} if counted is None else _count(compiled, counted, as_json=as_json)
    if as_json:
        found = memory_map(compiled) | {"files": file_sizes(files)}
        print(json.dumps(found | ({"cycles": counts} if counts else {}), indent=2))
        return
    _print_sections(compiled)
    if compiled.plan.bands:
        console.print(_bands(compiled))
    console.print(
        f"{', '.join(map(str, files))}: {len(compiled.entries)} programs of "
        f"{compiled.descriptors} descriptors for {len(compiled.steps.maps)} maps",
        soft_wrap=True,
    )
    if counts:
        _print_cycles(compiled, counts)


def _count(compiled: Compiled, latency: int, *, as_json: bool) -> dict[str, dict[str, int]]:
    """Counters of each program, by its setting's name; `bound_cycles` and `bytes_read` too."""
    found = {}
    for entry in compiled.entries:
        name = entry.setting.name
        with console.on_stderr(as_json), console.status(f"Counting cycles, k = {name} ..."):
            counters = count_program(compiled, entry, MemoryTiming(latency))
        found[name] = {
            **counters,
            "bound_cycles": bound_cycles(compiled, entry.setting.bits),
            "bytes_read": counters["read_beats"] * compiled.config.bus_bytes,
        }
    return found


def _print_cycles(compiled: Compiled, counts: dict[str, dict[str, int]]) -> None:
    """What each program takes, and what the core waits for meanwhile."""
    heading = ["k", "cycles", "of\nbound", *WAITS, "bytes\nread"]
    rows = []
    for name, found in counts.items():
        waits = (f"{sum(found[counter] for counter in names):,}" for names in WAITS.values())
        ratio = f"{found['cycles'] / found['bound_cycles']:.2f}"
        rows.append((name, f"{found['cycles']:,}", ratio, *waits, f"{found['bytes_read']:,}"))
    console.print(new_table(heading, rows, title="Cycles of an image, and what the core waits for"))


def _bands(compiled: Compiled) -> str:
    """What is done by bands of rows: maps that do not fit, or the image beside the first layers."""
    plan, image = compiled.plan, compiled.steps.steps[0].target
    banded = [segment.run for segment in plan.segments if segment.run.banded]
    if any({*run.loaded, *run.stored} != {image} for run in banded):
        return f"Maps that do not fit the chip are done in {plan.bands} bands of rows"
    return f"The image comes in {plan.bands} bands of rows, beside the first layers"


def _print_sections(compiled: Compiled) -> None:
    """Bytes of each part of the program's region, and of the other regions."""
    totals: dict[str, int] = {}
    for section in compiled.sections:
        kind = section.name.partition(" ")[0]
        totals[kind] = totals.get(kind, 0) + section.size
    rows = [
        ("programs", totals.get("program", 0)),
        ("parameters", totals.get("parameters", 0)),
        ("weights, 8 bits", totals.get("weights", 0)),
        ("input", compiled.input_bytes),
        ("output", compiled.output_bytes),
    ]
    if compiled.spilled:
        rows.append(("spilled maps", compiled.scratch_bytes))
    cells = [(name, f"{size:,}") for name, size in rows]
    console.print(new_table(("memory", "bytes"), cells, words=("memory",)))
