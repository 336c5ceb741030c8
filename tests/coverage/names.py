"""Names for the wires that Amaranth numbers, so that waivers outlive a change of the numbers."""

import re
from collections import defaultdict

__all__ = ["Names"]

MODULE = re.compile(r"^module \\?(\S+?) ?\(")
ASSIGN = re.compile(r"^\s*assign \\(\$\d+) +(?:\[(\d+)(?::\d+)?\] +)?= (.*);$")
NEXT = re.compile(r"^\s*\\?(\S+?) *<= \\(\$\d+) ;$")
NUMBERED = re.compile(r"(?<![\w.$\]])\\?(\$\d+)\b(?!\$) ?")
LONGEST = 2000  # characters of an expression


class Names:
    """Says what a numbered wire is: the expression that it stands for, of named signals.

    So wire `$14` of a PE becomes `((first_beat ? 20'h00000 : dot) + beat_sum)`, and the next
    value of a register, which is numbered too, `next dot`.

    Parameters
    ----------
    text : Verilog, as `truncmac.hw.verilog` writes it

    Attributes
    ----------
    lines : of the text
    """

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self._wires: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._known: dict[tuple[str, str], str] = {}
        wires = self._wires[""]
        for line in self.lines:
            if found := MODULE.match(line):
                wires = self._wires[self.module(found[1])]
            elif (found := ASSIGN.match(line)) and found[2] is None:
                wires[found[1]] = found[3].strip()
            elif found := NEXT.match(line):
                wires[found[2]] = f"next {found[1]}"

    def module(self, name: str) -> str:
        """A module's name without numbers, of the Verilog's or of Verilator's."""
        name = _decode(name).replace("__DOT__", ".")
        return re.sub(r"\$\d+", "", name)

    def signal(self, module: str, name: str) -> str:
        """A signal's name as Verilator writes it, in words if it is a number."""
        return self.expression(module, _decode(name))

    def expression(self, module: str, text: str) -> str:
        """An expression with its numbered wires in words, blanks evened out."""
        words = NUMBERED.sub(lambda found: self._wire(module, found[1]), text)
        return " ".join(words.replace("\\", "").replace(" ;", ";").split())

    def _wire(self, module: str, name: str) -> str:
        key = (module, name)
        if key not in self._known:
            self._known[key] = name  # should it stand for itself
            definition = self._wires[module].get(name)
            if definition is not None:
                self._known[key] = f"({self.expression(module, definition)})"[:LONGEST]
        return self._known[key]


def _decode(name: str) -> str:
    """Undo Verilator's escapes, two hexadecimal digits after __0."""
    return re.sub(r"__0([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), name)
