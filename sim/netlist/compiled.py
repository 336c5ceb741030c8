"""The gate-level simulator of a set of cells: its C code, compiled once."""

import ctypes
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from truncmac.golden.files import keep, kept
from truncmac.sim.digest import digest
from truncmac.sim.tools import INSTALL, ToolMissingError

from .library import Cell

__all__ = ["compiled_simulator"]

SOURCE = Path(__file__).with_name("gates.c")


def compiled_simulator(cells: Sequence[Cell], folder: Path) -> ctypes.CDLL:
    """Return the simulator of a set of cells, compiled once and kept in `folder` while it is whole.

    Raises
    ------
    ToolMissingError
        If there is no C compiler.
    RuntimeError
        If the compiler refuses the code.
    """
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("g++")
    if compiler is None:
        raise ToolMissingError(f"gcc is missing. Install it with: {INSTALL['g++']}")
    source = SOURCE.read_text().replace("//CELLS//", _cells_code(cells))
    name = digest(f"{platform.node()}\n{source}")  # compiled for this machine's processor
    folder.mkdir(parents=True, exist_ok=True)
    library = folder.resolve() / f"gates_{name}.so"
    if kept(library) is None:
        with tempfile.TemporaryDirectory() as work:
            file = Path(work) / "gates.c"
            file.write_text(source)
            built = Path(work) / "gates.so"
            command = [compiler, "-x", "c", "-O2", "-march=native", "-shared", "-fPIC"]
            run = subprocess.run(
                [*command, "-o", str(built), str(file)], capture_output=True, text=True, check=False
            )
            if run.returncode:
                raise RuntimeError(f"The compiler refused the simulator: {run.stderr[:500]}")
            keep(library, built.read_bytes())
    return ctypes.CDLL(str(library))


def _cells_code(cells: Sequence[Cell]) -> str:
    """Return the C functions of every cell, and the switches that call them."""
    code = []
    switches: dict[str, list[str]] = {name: [] for name in ("logic", "state", "output", "gate")}
    for index, cell in enumerate(cells):
        for kind, text in _cell_code(cell).items():
            code.append(f"static void {kind}_{index}({ARGUMENTS[kind]}) {{\n{text}}}\n")
            switches[kind].append(f"    case {index}: {kind}_{index}({CALL[kind]}); break;\n")
    for kind, cases in switches.items():
        body = "".join(cases)
        code.append(
            f"static void run_{kind}(int64_t kind, {ARGUMENTS[kind]}) {{\n"
            f"  switch (kind) {{\n{body}    default: break;\n  }}\n}}\n"
        )
    return "\n".join(code)


ARGUMENTS = {
    "logic": "int64_t n, const int32_t *p, word *v",
    "state": "int64_t n, const int32_t *p, const word *v, const word *clocks, word *state",
    "output": "int64_t n, const int32_t *p, word *v, const word *state",
    "gate": "int64_t n, const int32_t *p, const word *v, word *clocks",
}
CALL = {
    "logic": "n, p, v",
    "state": "n, p, v, clocks, state",
    "output": "n, p, v, state",
    "gate": "n, p, v, clocks",
}


def _cell_code(cell: Cell) -> Mapping[str, str]:
    names = cell.inputs + cell.outputs
    pins = {pin: f"v[p[{index}]]" for index, pin in enumerate(names)}
    loop = f"  for (int64_t i = 0; i < n; i++, p += {len(names)}) {{\n"
    register = cell.register
    if register is None:
        functions = [(pin, cell.pins[pin].function) for pin in cell.outputs]
        body = "".join(
            f"    {pins[pin]} = {function.expression(pins)};\n"
            for pin, function in functions
            if function is not None
        )
        return {"logic": f"{loop}{body}  }}\n"}
    clock = f"clocks[p[{names.index(register.clock)}]]"
    if register.kind == "gate":
        out = f"clocks[p[{names.index(cell.outputs[0])}]]"
        return {"gate": f"{loop}    {out} = {clock} & {register.data.expression(pins)};\n  }}\n"}
    inside = pins | {register.state: "state[i]", register.inverse: "~state[i]"}
    following = register.data.expression(inside)
    step = f"    state[i] = ({following} & {clock}) | (state[i] & ~{clock});\n"
    outputs = "".join(
        f"    {pins[pin]} = {function.expression(inside)};\n"
        for pin in cell.outputs
        if (function := cell.pins[pin].function) is not None
    )
    return {"state": f"{loop}{step}  }}\n", "output": f"{loop}{outputs}  }}\n"}
