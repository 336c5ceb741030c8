"""Synthesis of Verilog with a Liberty library: Yosys maps each module by itself."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from truncmac.golden.files import keep, kept
from truncmac.sim.digest import digest

from .library import Cell, Library
from .yosys import ADDERS, run_yosys, yosys_version

__all__ = ["DONT_USE", "TIMEOUT_S", "MappingOptions", "buffer_cell", "map_verilog"]

DONT_USE = ("*lpflow*", "*probe*", "*dly*")  # power switches, probes and delay lines
ABC_SCRIPT = (
    "+strash;dch;map,-B,0.9,-D,{period};topo;buffer,-c;upsize,-D,{period};dnsize,-D,{period}"
)
GATED_BITS = 4  # the fewest flip-flops that a clock gate serves
DRIVEN_LOAD_FF = 10.0  # load that is assumed at a module's outputs
TIMEOUT_S = 3600


@dataclass(frozen=True)
class MappingOptions:
    """How Yosys makes the netlist.

    Attributes
    ----------
    period_ps : clock period that each module's logic is sized for
    dont_use : patterns of cells that are left out, beside those that the library marks
    timeout_s : time that Yosys may take; the netlist does not depend on it
    boxes : modules that are left out of the netlist, as black boxes
    generic : optimise each module for generic gates first; without it, Yosys takes less time, most
        of all where a module has many products
    """

    period_ps: float
    dont_use: Sequence[str] = field(default=DONT_USE)
    timeout_s: float = field(default=TIMEOUT_S, repr=False, compare=False)
    boxes: Sequence[str] = field(default=(), repr=False)
    generic: bool = field(default=True, repr=False)


def map_verilog(
    verilog: str, top: str, library: Library, options: MappingOptions, cache: Path
) -> dict[str, Any]:
    """Return the netlist of `top` in library cells, as Yosys' JSON, module by module.

    Modules are kept apart, so that each cell's place is known and no logic moves between them.
    Registers with an enable get clock gates where they have no reset. The netlist is kept in
    `cache`, named by a digest of all that it depends on; a file that is damaged is made again.

    Raises
    ------
    ToolMissingError
        If Yosys is not installed.
    RuntimeError
        If Yosys fails, with its error, or takes too long.
    """
    script = _script(top, library, options)
    parts = [verilog, script, yosys_version(), *library.files.values()]
    file = cache / f"netlist_{digest(*parts, length=24)}.json"
    content = kept(file)
    if content is None:
        content = _run(verilog, script, library, options)
        keep(file, content)
    result: dict[str, Any] = json.loads(content)
    return result


def _run(verilog: str, script: str, library: Library, options: MappingOptions) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        buffer = buffer_cell(library).name
        (folder / "abc.constr").write_text(
            f"set_driving_cell {buffer}\nset_load {DRIVEN_LOAD_FF}\n"
        )
        mounts = {"/netlist": folder}
        mounts |= {f"/lib{i}": path.resolve().parent for i, path in enumerate(library.paths)}
        try:
            run_yosys(script, folder, mounts=mounts, seconds=options.timeout_s)
        except subprocess.TimeoutExpired:
            raise RuntimeError(
                f"Yosys did not map the design in {options.timeout_s:g} s; choose a smaller array "
                "or a longer --timeout. What was measured before is kept in the cache"
            ) from None
        return (folder / "netlist.json").read_bytes()


def _script(top: str, library: Library, options: MappingOptions) -> str:
    files = " ".join(
        f"-liberty /lib{i}/{path.name}" for i, path in enumerate(map(Path, library.paths))
    )
    left_out = " ".join(f"-dont_use {name}" for name in _left_out(library, options))
    abc = ABC_SCRIPT.format(period=f"{options.period_ps:.0f}")
    steps = [
        "read_verilog /netlist/design.v",
        *(f"blackbox {name}" for name in options.boxes),
        f"hierarchy -top {top}",
        "setattr -mod -set keep_hierarchy 1 *",
        f"synth {'' if options.generic else '-noabc '}-extra-map {ADDERS} -flatten -top {top}",
        *_gating(library),
        f"dfflibmap {files} {left_out}",
        "opt",
        "setattr -unset init w:*",
        f"abc {files} -constr /netlist/abc.constr -script {abc} {left_out}",
        "setundef -zero",
        "opt_clean -purge",
        "write_json /netlist/netlist.json",
    ]
    return "; ".join(steps)


def _left_out(library: Library, options: MappingOptions) -> list[str]:
    return sorted(
        cell.name
        for cell in library.cells.values()
        if cell.dont_use or any(fnmatch(cell.name, pattern) for pattern in options.dont_use)
    )


def _gating(library: Library) -> list[str]:
    """Name the clock gates, which libraries exclude from synthesis; none without such cells."""
    gates = [
        (len(cell.inputs), cell.area, cell.name, register)
        for cell in library.cells.values()
        if (register := cell.register) is not None and register.kind == "gate"
    ]
    if not gates:
        return []
    *_, name, register = min(gates, key=lambda gate: gate[:3])
    cell = library.cells[name]
    clock, (enable, *tests) = register.clock, register.data.pins
    ties = " ".join(f"-tie_lo {pin}" for pin in tests)
    return [
        f"clockgate -pos {cell.name} {enable}:{clock}:{cell.outputs[0]} {ties} "
        f"-min_net_size {GATED_BITS}"
    ]


def buffer_cell(library: Library, inverting: bool = False) -> Cell:
    """Return the library's smallest buffer, or inverter.

    Raises
    ------
    ValueError
        If the library has none.
    """
    table = 0b01 if inverting else 0b10
    found = [
        cell
        for cell in library.cells.values()
        if cell.register is None
        and not cell.dont_use
        and not any(fnmatch(cell.name, pattern) for pattern in DONT_USE)
        and len(cell.inputs) == len(cell.outputs) == 1
        and (function := cell.pins[cell.outputs[0]].function) is not None
        and function.pins == cell.inputs
        and function.table(cell.inputs) == table
    ]
    if not found:
        raise ValueError(f"Library {library.name} has no {'inverter' if inverting else 'buffer'}")
    return min(found, key=lambda cell: (cell.area, cell.name))
