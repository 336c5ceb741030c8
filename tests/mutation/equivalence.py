"""Decides what a mutant that no run saw does: nothing, or something that the runs should see."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truncmac.hw.verilog import TOP

from .mutants import Mutant, yosys

__all__ = ["Judgement", "judge"]

ABC = Path(__file__).parent.parent / "formal" / "abc.sh"
FRAMES = 60  # of the bounded search
SECONDS = 20  # each of a proof and of the bounded search

FLAT = f"hierarchy -top {TOP}; flatten; opt_clean; memory_map; opt_expr; opt_clean"

# Two cores with the same inputs: all that their surroundings may look at must be equal. Payload
# counts where its word is valid.
MITER = """\
module miter (
  input clk,
  input rst,
  input [{tile}-1:0] tile,
  input [{activations}-1:0] activations,
  input [{weights}-1:0] weights,
  input [{parameters}-1:0] parameters,
  input [{residuals}-1:0] residuals,
  input [4:0] valid,
  input results_ready,
  input clear,
  output differ
);
{cores}
  assign differ = {compare};
endmodule
"""
CORE = """\
  wire [{results}-1:0] results_{side};
  wire [{others}-1:0] others_{side};
  wire valid_{side};
  {top} core_{side} (
    .clk(clk),
    .rst(rst),
    .tiles__payload(tile),
    .tiles__valid(valid[0]),
    .tiles__ready(others_{side}[0]),
    .activations__payload(activations),
    .activations__valid(valid[1]),
    .activations__ready(others_{side}[1]),
    .weights__payload(weights),
    .weights__valid(valid[2]),
    .weights__ready(others_{side}[2]),
    .parameters__payload(parameters),
    .parameters__valid(valid[3]),
    .parameters__ready(others_{side}[3]),
    .residuals__payload(residuals),
    .residuals__valid(valid[4]),
    .residuals__ready(others_{side}[4]),
    .results__payload(results_{side}),
    .results__valid(valid_{side}),
    .results__ready(results_ready),
    .clear(clear),
    .counters(others_{side}[328:9]),
    .active(others_{side}[8]),
    .error(others_{side}[7:5])
  );
"""


@dataclass(frozen=True)
class Judgement:
    """What was found of one mutant.

    Attributes
    ----------
    verdict : "equivalent" (proven for ever), "differs" (in cycle `frames`), or "unknown"
    frames : of the search
    """

    verdict: str
    frames: int


def judge(mutants: Sequence[Mutant], folder: Path, sizes: dict[str, int]) -> list[Judgement]:
    """Compare each mutant with the core; `folder` has `core.il`."""
    if not mutants:
        return []
    script = [f"read_rtlil core.il; {FLAT}; rename {TOP} gold; design -stash gold"]
    cores = "".join(
        CORE.format(side=side, top=top, others=329, **sizes)
        for side, top in (("a", "gold"), ("b", "gate"))
    )
    compare = "others_a != others_b || valid_a != valid_b || (valid_a && results_a != results_b)"
    (folder / "miter.v").write_text(MITER.format(cores=cores, compare=compare, **sizes))
    for mutant in mutants:
        script += [f"read_rtlil core.il; mutate {mutant.options}; {FLAT}; rename {TOP} gate"]
        script += ["design -copy-from gold -as gold gold", "read_verilog miter.v"]
        script += ["hierarchy -top miter; proc; flatten; opt_clean", "techmap; opt_expr; opt_clean"]
        script += ["dffunmap; setundef -zero; aigmap; opt_clean"]
        script += [f"write_aiger -zinit miter_{mutant.number}.aig; design -reset"]
    name = f"miter_{mutants[0].number}.ys"
    (folder / name).write_text("\n".join(script) + "\n")
    yosys(f"script {name}", folder)
    return [_judge(folder / f"miter_{mutant.number}.aig") for mutant in mutants]


def _judge(path: Path) -> Judgement:
    prove = _abc(f"read_aiger {path.name}; strash; scorr; scorr -F 2; pdr -T {SECONDS}", path)
    if "Property proved" in prove or "Networks are equivalent" in prove:
        return Judgement("equivalent", 0)
    if found := re.search(r"asserted in frame (\d+)", prove):
        return Judgement("differs", int(found[1]))
    search = _abc(f"read_aiger {path.name}; strash; bmc3 -F {FRAMES} -T {SECONDS}", path)
    if found := re.search(r"asserted in frame (\d+)", search):
        return Judgement("differs", int(found[1]))
    frames = re.search(r"No output asserted in (\d+) frames", search)
    return Judgement("unknown", int(frames[1]) if frames else 0)


def _abc(script: str, path: Path) -> str:
    command = [ABC, "-c", script]
    run = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr
