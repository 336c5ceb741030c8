"""What `truncmac compile` does: writes a network as programs of the NPU."""

import json
from collections.abc import Sequence
from pathlib import Path

from truncmac.golden import Setting, network_by_name
from truncmac.golden.files import write_all
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiled import Compiled
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.files import compiled_files, memory_map
from truncmac.terminal import Terminal, new_table

from .files import file_sizes

__all__ = ["compile_for_npu"]

console = Terminal()


def compile_for_npu(
    name: str, config: NpuConfig, settings: Sequence[Setting], *, out: Path, as_json: bool
) -> None:
    """Compile a network, and write its files to a folder.

    Parameters
    ----------
    settings : a program is made for each; none: for each k that the network has
    """
    network = network_by_name(name)
    chosen = settings or [Setting(str(k), k) for k in sorted(network.bit_widths, reverse=True)]
    with console.on_stderr(as_json), console.status("Compiling ..."):
        compiled = compile_network(network, config, chosen)
    files = {out / name: data for name, data in compiled_files(compiled).items()}
    write_all(files)
    if as_json:
        print(json.dumps(memory_map(compiled) | {"files": file_sizes(files)}, indent=2))
        return
    _print_sections(compiled)
    if compiled.plan.bands:
        console.print(_bands(compiled))
    console.print(
        f"{', '.join(map(str, files))}: {len(compiled.entries)} programs of "
        f"{compiled.descriptors} descriptors for {len(compiled.steps.maps)} maps",
        soft_wrap=True,
    )


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
