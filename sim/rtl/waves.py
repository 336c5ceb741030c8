"""Views of a run's waveforms, which tell GTKWave and Surfer what to show of its VCD."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from vcd.gtkw import GTKWSave

from truncmac.golden.files import write_bytes

__all__ = ["Variable", "variables", "write_views"]

# The variables of each group by path, of sim/rtl/waves.v and of the core's array, in order
GROUPS = {
    "clock": ("waves.clk", "waves.cycle", "waves.active"),
    "tiles": ("waves.tile_taken", "waves.k", "waves.beats", "waves.offset", "waves.raw"),
    "activations": (
        "waves.activations_taken",
        "waves.activations_wait",
        "waves.row[*].lane[*].activation",
    ),
    "weights": ("waves.weights_taken", "waves.weights_wait", "waves.column[*].lane[*].chunk"),
    "sums of the PEs": ("core.array.**.dot",),
    "results": ("waves.results_taken", "waves.results_wait", "waves.unit[*].result"),
}
HEX = ("activation", "chunk")
SIGNED = ("result",)


# Such as `$var wire 8 ! name [7:0] $end`; pyvcd's reader refuses names like "$1"
DECLARATION = re.compile(
    r"\$scope \S+ (?P<scope>\S+)|(?P<up>\$upscope)|"
    r"\$var \S+ (?P<width>\d+) \S+ (?P<name>\S+)|(?P<end>\$enddefinitions)"
)


@dataclass(frozen=True)
class Variable:
    """A variable of a VCD: its scopes and name with dots between them, and its width in bits."""

    path: str
    width: int

    @property
    def leaf(self) -> str:
        """Its name in its scope."""
        return self.path.rsplit(".", 1)[-1]


def variables(vcd: Path) -> list[Variable]:
    """Return the variables that a simulator's VCD declares, one a line, in its order.

    Raises
    ------
    ValueError
        If its declarations do not end, because the file is no whole VCD.
    """
    found, scopes = list[Variable](), list[str]()
    with vcd.open(encoding="latin-1") as file:
        for match in map(DECLARATION.match, map(str.lstrip, file)):
            if match is None:
                continue
            if match["end"]:
                return found
            if match["up"]:
                scopes.pop()
            elif match["scope"]:
                scopes.append(match["scope"])
            else:
                path = ".".join([*scopes, match["name"]])
                found.append(Variable(path, int(match["width"])))
    raise ValueError(f"{vcd}: is no whole VCD: its declarations do not end. Record it again")


def write_views(vcd: Path) -> list[Path]:
    """Write NAME.gtkw for GTKWave and NAME.sucl for Surfer beside NAME.vcd; return their paths."""
    shown = _shown(variables(vcd))
    views = {
        vcd.with_suffix(".gtkw"): _gtkwave(vcd, shown),
        vcd.with_suffix(".sucl"): _surfer(shown),
    }
    for path, text in views.items():
        write_bytes(path, text.encode())
    return list(views)


def _shown(found: Sequence[Variable]) -> dict[str, list[Variable]]:
    """Return the variables of each group, in the order of its patterns and of the VCD."""
    return {
        group: [
            variable
            for pattern in patterns
            for variable in found
            if re.fullmatch(_expression(pattern), variable.path)
        ]
        for group, patterns in GROUPS.items()
    }


def _expression(pattern: str) -> str:
    """Return the regular expression of a path in which * is a number and ** are scopes."""
    text = re.escape(f"truncmac_harness.{pattern}")
    return text.replace(r"\*\*", ".+").replace(r"\*", r"\d+")


def _gtkwave(vcd: Path, shown: dict[str, list[Variable]]) -> str:
    text = StringIO()
    save = GTKWSave(text)
    save.dumpfile(vcd.name, abspath=False)
    save.treeopen("truncmac_harness.waves")
    save.signals_width(300)
    for group, members in shown.items():
        with save.group(group):
            for variable in members:
                form = "hex" if variable.leaf in HEX else "dec"
                form = "signed" if variable.leaf in SIGNED else form
                bits = f"[{variable.width - 1}:0]" if variable.width > 1 else ""
                save.trace(variable.path + bits, datafmt=form)
    return text.getvalue()


def _surfer(shown: dict[str, list[Variable]]) -> str:
    lines = []
    for group, members in shown.items():
        lines.append(f"divider_add {group}")
        lines += [f"variable_add {variable.path}" for variable in members]
    return "\n".join([*lines, "zoom_fit", ""])
