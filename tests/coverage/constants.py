"""Proves which bits of a design never change, whatever its inputs do."""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

from tests.abc import run_abc
from tests.coverage.names import MODULE, Names
from truncmac.sim.netlist.yosys import run_yosys

__all__ = ["Bit", "constant_bits", "shared_modules"]

INSTANCE = re.compile(r"^  \\?(\S+) +\\?(\S+) +\($")
SIGNAL = re.compile(r"^  (?:wire|reg) (?:signed )?(?:\[(\d+):0\] )?\\?(\S+) *(?:;|=|\[)")
SCRIPT = """\
read_verilog probed.v
hierarchy -top {top}
setattr -unset init w:*
proc
{shared}
flatten
expose a:probe
opt_expr
cutpoint t:$mul
cutpoint -blackbox
opt
memory
opt
techmap
opt
dfflegalize -cell $_DFF_P_ 01
setundef -zero -undriven
setundef -zero
aigmap
opt_clean
write_aiger -zinit -map probed.map probed.aig
"""
# Signal correspondence finds by induction what is constant, of more cycles the second time
PROVE = "read_aiger probed.aig; strash; scorr; scorr -F 3; write_aiger proven.aig"
SECONDS = 300

Bit = tuple[str, str, int]  # module, name of the signal, index; 0 if it has but one bit


def constant_bits(
    text: str, tops: Iterable[str], signals: Set[tuple[str, str]], folder: Path
) -> Set[Bit]:
    """Bits of the `signals` (module, name) that hold one value from the start.

    Each of `tops` is looked at alone, with the others within it as black boxes. Outputs of
    those, products and inputs are free; registers begin with the values that the Verilog says. A
    bit of a module with several instances counts if it is constant in all of them.

    Raises
    ------
    RuntimeError
        If a tool fails.
    """
    names = Names(text)
    modules = _modules(names)
    tops = list(tops)
    found: set[Bit] = set()
    for top in tops:
        here = {(m, name) for m, name in signals if m == top or m.startswith(f"{top}.")}
        if here:
            others = [f"blackbox {other}" for other in tops if other != top]
            found |= _constant(names, modules, top, here, "\n".join(others), folder / top)
    return found


def shared_modules(text: str) -> list[str]:
    """The top and the modules that are written once and used in many places."""
    return [name for name in _modules(Names(text)) if "." not in name]


def _constant(
    names: Names,
    modules: Mapping[str, Mapping[str, str]],
    top: str,
    signals: Set[tuple[str, str]],
    shared: str,
    folder: Path,
) -> Set[Bit]:
    folder.mkdir(parents=True, exist_ok=True)
    widths = _widths(names)
    text = _probed(names, signals)
    (folder / "probed.v").write_text(text)
    (folder / "script.ys").write_text(SCRIPT.format(top=top, shared=shared))
    run_yosys("script script.ys", folder, seconds=SECONDS)
    run_abc(PROVE, folder, SECONDS)
    values = _outputs((folder / "proven.aig").read_bytes())
    changes = set()
    for line in (folder / "probed.map").read_text().splitlines():
        kind, output, index, path = line.split(" ", 3)
        if kind == "input" or (kind == "output" and values[int(output)] > 1):
            module, signal = _resolve(path, top, modules)
            changes.add((module, names.expression(module, signal), int(index)))
    # The map names no bit that was constant already
    return {
        (module, name, index)
        for module, name in signals
        for index in range(widths.get((module, name), 0))
        if (module, name, index) not in changes
    }


def _modules(names: Names) -> Mapping[str, Mapping[str, str]]:
    """Instances of each module, name to module, in the Verilog's own names."""
    modules: dict[str, dict[str, str]] = {}
    here: dict[str, str] = {}
    for line in names.lines:
        if found := MODULE.match(line):
            here = modules[found[1]] = {}
        elif found := INSTANCE.match(line):
            here[found[2]] = found[1]
    return modules


def _signals(names: Names) -> Iterator[tuple[str, tuple[str, str], int]]:
    """Each line, with module and name of the signal that it declares, and its width, or 0."""
    module = ""
    for line in names.lines:
        if found := MODULE.match(line):
            module = names.module(found[1])
        if found := SIGNAL.match(line):
            name = names.expression(module, found[2].rstrip(";"))
            yield line, (module, name), int(found[1] or 0) + 1
        else:
            yield line, (module, ""), 0


def _widths(names: Names) -> Mapping[tuple[str, str], int]:
    widths: dict[tuple[str, str], int] = {}
    for _, signal, width in _signals(names):
        widths[signal] = max(width, widths.get(signal, 0))
    return widths


def _probed(names: Names, signals: Set[tuple[str, str]]) -> str:
    """The Verilog with an attribute at the signals that are looked at."""
    lines = (
        f"  (* probe *)\n{line}" if width and signal in signals else line
        for line, signal, width in _signals(names)
    )
    return "\n".join(lines) + "\n"


def _resolve(path: str, top: str, modules: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """Module and signal of a name in the flat design."""
    module, rest = top, path.lstrip("\\")
    while (step := rest.partition("."))[0] in modules[module] and step[2]:
        module, rest = modules[module][step[0]], step[2]
    return re.sub(r"\$\d+", "", module), rest


def _outputs(data: bytes) -> list[int]:
    """Literals of the outputs of a binary AIGER file: 0 and 1 are constants."""
    lines = data.split(b"\n")
    latches, outputs = (int(word) for word in lines[0].split()[3:5])
    return [int(line) for line in lines[1 + latches : 1 + latches + outputs]]
