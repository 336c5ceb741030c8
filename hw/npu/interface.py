# amaranth: UnusedElaboratable=no
"""The NPU's ports and registers, for whoever connects it: nothing is built."""

from truncmac.descriptors import ProgramFault
from truncmac.hw.ports import component_ports

from ..axi.registers import register_header, register_table
from .registers import MAP_VERSION, NPU_REGISTERS
from .top import NpuTop

__all__ = ["npu_c_header", "npu_ports", "npu_register_table"]


def npu_ports(config):
    """Ports of the NPU of `config`, by the names that they have in the Verilog."""
    return component_ports(NpuTop(config))


def npu_register_table():
    """Return the NPU's register map as a Markdown table."""
    return register_table(NPU_REGISTERS)


def npu_c_header():
    """Return the NPU's register map as a C header; all of its names begin with TRUNCMAC_NPU."""
    return register_header(NPU_REGISTERS, "NPU", "TRUNCMAC_NPU", MAP_VERSION, ProgramFault)
