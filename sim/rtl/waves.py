"""Views of a run's waveforms, which tell GTKWave and Surfer what to show of its VCD."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from vcd.gtkw import GTKWSave

from truncmac.golden.files import write_bytes

__all__ = ["Variable", "variables", "write_views"]

# The variables of each group by path below the harness, in order; of the core, those of
# sim/rtl/waves.v and of its array
CORE = {
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
CONVOLVER = "npu.engine.convolver"
NPU = {
    "clock": ("npu.aclk", "npu.controller.busy"),
    "program": (
        "npu.controller.index",
        *(f"npu.controller.run_{name}" for name in ("load", "store", "convolution", "post")),
        *("npu.controller.loading", "npu.controller.storing", "npu.irq"),
    ),
    "reads": (
        *(f"npu.m_axi_{name}" for name in ("araddr", "arlen", "arvalid", "arready", "rvalid")),
        *(
            f"npu.engine.fetcher.{name}_data__valid"
            for name in ("descriptor", "parameters", "weights", "load")
        ),
    ),
    "core": (
        *(
            f"{CONVOLVER}.core.{name}__{end}"
            for name in ("tiles", "activations", "weights", "parameters", "residuals", "results")
            for end in ("valid", "ready")
        ),
    ),
    "writes": (
        *(f"npu.m_axi_{name}" for name in ("awaddr", "awlen", "awvalid", "awready")),
        *(f"npu.m_axi_{name}" for name in ("wdata", "wstrb", "wvalid", "wready", "bvalid")),
    ),
}
TOPS = {"truncmac_harness": CORE, "truncmac_npu_harness": NPU, "truncmac_npu_axi": NPU}
HEX = ("activation", "chunk", "m_axi_araddr", "m_axi_awaddr", "m_axi_wdata", "m_axi_wstrb")
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
    found = variables(vcd)
    top = next((name for name in TOPS if found and found[0].path.startswith(f"{name}.")), None)
    if top is None:
        raise ValueError(f"{vcd}: is of none of {', '.join(TOPS)}. Record a run of `truncmac sim`")
    shown = _shown(found, top)
    views = {
        vcd.with_suffix(".gtkw"): _gtkwave(vcd, shown, top),
        vcd.with_suffix(".sucl"): _surfer(shown),
    }
    for path, text in views.items():
        write_bytes(path, text.encode())
    return list(views)


def _shown(found: Sequence[Variable], top: str) -> dict[str, list[Variable]]:
    """Return the variables of each group, in the order of its patterns and of the VCD."""
    return {
        group: [
            variable
            for pattern in patterns
            for variable in found
            if re.fullmatch(_expression(f"{top}.{pattern}"), variable.path)
        ]
        for group, patterns in TOPS[top].items()
    }


def _expression(pattern: str) -> str:
    """Return the regular expression of a path in which * is a number and ** are scopes."""
    text = re.escape(pattern)
    return text.replace(r"\*\*", ".+").replace(r"\*", r"\d+")


def _gtkwave(vcd: Path, shown: dict[str, list[Variable]], top: str) -> str:
    text = StringIO()
    save = GTKWSave(text)
    save.dumpfile(vcd.name, abspath=False)
    save.treeopen(f"{top}.waves" if TOPS[top] is CORE else f"{top}.npu")
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
