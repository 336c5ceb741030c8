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
    .mutsel({value}),
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
    """Compare each mutant with the core; `folder` has `mutated.il`."""
    if not mutants:
        return []
    script = ["read_rtlil mutated.il", "design -save mutated"]
    for mutant in mutants:
        name = f"miter_{mutant.number}"
        cores = "".join(
            CORE.format(side=side, value=f"16'd{value}", top=TOP, others=329, **sizes)
            for side, value in (("a", 0), ("b", mutant.number))
        )
        compare = (
            "others_a != others_b || valid_a != valid_b || (valid_a && results_a != results_b)"
        )
        (folder / f"{name}.v").write_text(MITER.format(cores=cores, compare=compare, **sizes))
        script += ["design -load mutated", f"read_verilog {name}.v", "hierarchy -top miter"]
        script += ["proc", "flatten", "opt -full", "memory_map", "opt -full", "techmap"]
        script += ["opt -fast", "dffunmap", "setundef -zero", "aigmap", "opt_clean"]
        script += [f"write_aiger -zinit {name}.aig"]
    (folder / "miter.ys").write_text("\n".join(script) + "\n")
    yosys("script miter.ys", folder)
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
