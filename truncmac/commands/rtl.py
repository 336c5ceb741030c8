"""What `truncmac rtl` does: writes the Verilog of the core, or of the AXI top."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from truncmac.golden.files import write_all
from truncmac.hw.axi.ports import axi_ports
from truncmac.hw.axi.registers import c_header, register_table
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.ports import core_ports
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.terminal import Terminal

from .files import file_sizes

__all__ = ["rtl"]

console = Terminal()


def rtl(config: ArrayConfig, *, bus_width: int | None, out: Path, as_json: bool) -> None:
    """Write the Verilog of an array to a folder, and of the AXI top its register map too.

    Parameters
    ----------
    bus_width : bits of the AXI top's streams; None for the core alone, which has plain streams
    """
    with console.on_stderr(as_json), console.status("Generating Verilog ..."):
        texts = _texts(config, bus_width)
    files = {out / name: text.encode() for name, text in texts.items()}
    write_all(files)
    if as_json:
        print(json.dumps(_as_dictionary(config, bus_width, files), indent=2))
        return
    console.print(
        f"{', '.join(map(str, files))}: {config.rows} x {config.cols} PEs of "
        f"{config.lanes} lanes x {config.planes} planes, {config.requantisers} requantisers, "
        f"{config.peak_macs:g} 8-bit MACs a cycle",
        soft_wrap=True,
    )


def _texts(config: ArrayConfig, bus_width: int | None) -> dict[str, str]:
    """What is written, by name of the file."""
    if bus_width is None:
        return {f"{TOP}.v": core_verilog(config)}
    return {
        f"{AXI_TOP}.v": axi_verilog(config, BusWidths.all(bus_width)),
        "truncmac_registers.h": c_header(),
        "truncmac_registers.md": register_table(),
    }


def _as_dictionary(
    config: ArrayConfig, bus_width: int | None, files: Mapping[Path, bytes]
) -> dict[str, object]:
    """Sizes, widths, ports and speed of an array, and its files."""
    widths = {
        "dot": config.dot_width,
        "row_sum": config.row_sum_width,
        "sum": config.sum_width,
        "bias": config.bias_width,
        "residual_multiplier": config.residual_multiplier_bits,
    }
    ports = core_ports(config) if bus_width is None else axi_ports(config, BusWidths.all(bus_width))
    return {
        "top": TOP if bus_width is None else AXI_TOP,
        "array": asdict(config),
        "widths": widths if bus_width is None else widths | {"bus": bus_width},
        "ports": {port.name: port.width for port in ports},
        "peak_macs": config.peak_macs,
        "files": file_sizes(files),
    }
