"""Makes the mutants: all in one netlist, of which the input `mutsel` selects one."""

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.hw.counters import COUNTER_BITS, counters_layout
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.tile import tile_layout
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.sim.netlist.yosys import run_yosys
from truncmac.sim.rtl.simulator import in_environment
from truncmac.sim.tools import simulator_environment

__all__ = [
    "CONFIG",
    "COUNT",
    "MUTATED",
    "MUTATED_COUNTER_BITS",
    "SEED",
    "Mutant",
    "build",
    "list_mutants",
]

HERE = Path(__file__).parent
# Of coverage: every kind of path, columns that share a requantiser, lanes, planes to be masked
CONFIG = ArrayConfig(2, 4, 2, 2, max_reduction=12, requantisers=2)
# Of the mutants: and clusters beside and above each other, and counters that wrap around
MUTATED = ArrayConfig(6, 6, 2, 2, max_reduction=12, requantisers=2)
MUTATED_COUNTER_BITS = 8
COUNT, SEED = 1200, 1  # of the mutants to which the list of survivors belongs
PREPARE = (
    f"read_verilog core.v; hierarchy -check -top {TOP}; proc; opt_expr; opt_clean; "
    "delete t:$meminit_v2 t:$meminit"  # whose constants cannot be changed at run time
)


@dataclass(frozen=True)
class Mutant:
    """One change of one bit of one cell's port.

    Attributes
    ----------
    number : the value of `mutsel`
    options : of Yosys' mutate, which apply it
    module : in which it is
    key : module, wire, cell's port and mode, without the numbers of cells; where some have the
        same, numbered in the order of the list
    """

    number: int
    options: str
    module: str
    key: str


def list_mutants(count: int, seed: int, folder: Path) -> list[Mutant]:
    """Draw mutants of the core; Yosys spreads them over modules, wires and cells."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "core.v").write_text(core_verilog(MUTATED, MUTATED_COUNTER_BITS))
    drawn = count + count // 4  # some cannot be applied
    draw = f"mutate -list {drawn} -seed {seed} -o list.txt"
    run_yosys(f"{PREPARE}; write_rtlil core.il; {draw}", folder)
    lines = (folder / "list.txt").read_text().splitlines()
    # A memory's clock, and the enable of a port that reads at once, must be constant
    lines = [line for line in lines if not re.search(r"-cell \$mem\S* -port (EN|CLK) ", line)]
    mutants = [_parse(number, line) for number, line in enumerate(lines[:count], start=1)]
    return _numbered(mutants)


def _numbered(mutants: Sequence[Mutant]) -> list[Mutant]:
    """The same with keys that differ, in the order of the list."""
    seen: Counter[str] = Counter()
    result = []
    for mutant in mutants:
        seen[mutant.key] += 1
        again = seen[mutant.key]
        result.append(replace(mutant, key=f"{mutant.key} #{again}") if again > 1 else mutant)
    return result


def _parse(number: int, line: str) -> Mutant:
    """Read a line of Yosys' list, whose names of cells and of some wires are only numbers."""
    options = line.removeprefix("mutate ").strip()
    value = {name: word.removeprefix("\\") for name, word in re.findall(r"-(\w+) (\S+)", options)}
    wire = re.sub(r"\$\d+$", "", value.get("wire", "")) or "-"
    bit = f"[{value['wirebit']}]" if "wirebit" in value else ""
    kind = re.match(r"\$?\w*", value["cell"])
    cell = f"{kind[0] if kind else '?'}.{value['port']}[{value['portbit']}]"
    module = re.sub(r"\$\d+", "", value["module"])
    key = f"{module} {wire}{bit} {cell} {value['mode']}"
    return Mutant(number, options, value["module"], key)


def build(mutants: Sequence[Mutant], folder: Path) -> Path:
    """Apply all mutants and compile core and bench; return the program."""
    script = [f"read_rtlil core.il; cd {TOP}; cd"]
    script += [f"mutate -ctrl mutsel 16 {mutant.number} {mutant.options}" for mutant in mutants]
    script += ["opt_clean", "write_rtlil mutated.il", "write_verilog -noattr mutated.v"]
    (folder / "mutate.ys").write_text("\n".join(script) + "\n")
    run_yosys("script mutate.ys", folder)
    return compile_bench(
        folder / "mutated.v",
        folder,
        mutated=True,
        config=MUTATED,
        counter_bits=MUTATED_COUNTER_BITS,
    )


def compile_bench(
    core: Path,
    folder: Path,
    *,
    mutated: bool,
    config: ArrayConfig = CONFIG,
    counter_bits: int = COUNTER_BITS,
    depth: int = 1 << 18,
    options: Sequence[str] = (),
) -> Path:
    """Compile a core, with or without the input `mutsel`, and the bench with Verilator.

    The bench plays up to `depth` words of each stream.
    """
    sizes = {
        "ROWS": config.rows,
        "COLS": config.cols,
        "LANES": config.lanes,
        "PLANES": config.planes,
        "TILE_WIDTH": tile_layout(config).size,
        "PARAMETERS_WIDTH": parameters_layout(config).size,
        "RESULTS_WIDTH": config.requantisers * config.sum_width,
        "COUNTERS_WIDTH": counters_layout(counter_bits).size,
        "DEPTH": depth,
    }
    command = ["verilator", "--binary", "--timing", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style"]
    command += ["-Wno-WIDTH", "--top-module", "truncmac_mutation", "-Mdir", "obj"]
    command += ["--timescale", "1ns/1ps", *(["-DMUTATED"] if mutated else []), *options]
    command += [f"-G{name}={value}" for name, value in sizes.items()]
    pause = HERE.parents[1] / "sim" / "rtl" / "pause.v"
    command += [str(core.resolve()), str((HERE / "bench.v").resolve()), str(pause.resolve())]
    with in_environment(simulator_environment("verilator")):
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    write_bytes(folder / "build.log", (run.stdout + run.stderr).encode())
    if run.returncode:
        raise RuntimeError(f"Verilator could not build the mutants; see {folder / 'build.log'}")
    return (folder / "obj" / "Vtruncmac_mutation").resolve()
