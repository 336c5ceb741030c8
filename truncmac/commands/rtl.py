"""What `truncmac rtl` does: writes the Verilog of the core, the AXI top or the NPU."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from truncmac.golden.files import write_all
from truncmac.hw.axi.ports import axi_ports
from truncmac.hw.axi.registers import c_header, register_table
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.interface import npu_c_header, npu_ports, npu_register_table
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog
from truncmac.hw.ports import Port, core_ports
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.terminal import Terminal

from .files import file_sizes

__all__ = ["RtlRequest", "rtl"]

console = Terminal()


@dataclass(frozen=True, kw_only=True)
class RtlRequest:
    """What to write.

    Attributes
    ----------
    config : an array for the core or the AXI top, or an NPU
    bus_width : bits of the AXI top's streams; None for the others
    out : folder
    """

    config: ArrayConfig | NpuConfig
    bus_width: int | None
    out: Path

    @property
    def array(self) -> ArrayConfig:
        """The array."""
        return self.config.array if isinstance(self.config, NpuConfig) else self.config

    @property
    def top(self) -> str:
        """Name of the top module."""
        if isinstance(self.config, NpuConfig):
            return NPU_TOP
        return TOP if self.bus_width is None else AXI_TOP

    def texts(self) -> dict[str, str]:
        """What is written, by name of the file."""
        if isinstance(self.config, NpuConfig):
            return {
                f"{NPU_TOP}.v": npu_verilog(self.config),
                "truncmac_npu_registers.h": npu_c_header(),
                "truncmac_npu_registers.md": npu_register_table(),
            }
        if self.bus_width is None:
            return {f"{TOP}.v": core_verilog(self.config)}
        return {
            f"{AXI_TOP}.v": axi_verilog(self.config, BusWidths.all(self.bus_width)),
            "truncmac_registers.h": c_header(),
            "truncmac_registers.md": register_table(),
        }

    def ports(self) -> list[Port]:
        """Ports of the top module."""
        if isinstance(self.config, NpuConfig):
            return npu_ports(self.config)
        if self.bus_width is None:
            return core_ports(self.config)
        return axi_ports(self.config, BusWidths.all(self.bus_width))


def rtl(request: RtlRequest, *, as_json: bool) -> None:
    """Write the Verilog to a folder, and of a top with registers their map too."""
    with console.on_stderr(as_json), console.status("Generating Verilog ..."):
        texts = request.texts()
    files = {request.out / name: text.encode() for name, text in texts.items()}
    write_all(files)
    if as_json:
        print(json.dumps(_as_dictionary(request, files), indent=2))
        return
    config = request.array
    around = ""
    if isinstance(request.config, NpuConfig):
        around = (
            f", {request.config.memory_bytes:,} bytes of activation memory, a bus of "
            f"{request.config.bus_width} bits"
        )
    console.print(
        f"{', '.join(map(str, files))}: {config.rows} x {config.cols} PEs of "
        f"{config.lanes} lanes x {config.planes} planes, {config.requantisers} requantisers, "
        f"{config.peak_macs:g} 8-bit MACs a cycle{around}",
        soft_wrap=True,
    )


def _as_dictionary(request: RtlRequest, files: Mapping[Path, bytes]) -> dict[str, object]:
    """Sizes, widths, ports and speed of an array, and its files."""
    config = request.array
    widths = {
        "dot": config.dot_width,
        "row_sum": config.row_sum_width,
        "sum": config.sum_width,
        "bias": config.bias_width,
        "residual_multiplier": config.residual_multiplier_bits,
    }
    if request.bus_width is not None:
        widths["bus"] = request.bus_width
    found: dict[str, object] = {"top": request.top, "array": asdict(config)}
    if isinstance(request.config, NpuConfig):
        around = {key: value for key, value in asdict(request.config).items() if key != "array"}
        found["npu"] = around | {
            "configuration": f"{request.config.configuration:#010x}",
            "memory_bytes": request.config.memory_bytes,
        }
    return found | {
        "widths": widths,
        "ports": {port.name: port.width for port in request.ports()},
        "peak_macs": config.peak_macs,
        "files": file_sizes(files),
    }
