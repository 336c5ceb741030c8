"""Writes the NPU as plain Verilog-2005: each shared module once."""

from truncmac.hw.verilog import hierarchical_verilog

from .top import NpuTop

__all__ = ["NPU_TOP", "npu_verilog"]

NPU_TOP = "truncmac_npu"


def npu_verilog(config):
    """Verilog-2005 text of the NPU of `config`, an `NpuConfig`; its top module is `NPU_TOP`."""
    return hierarchical_verilog(NpuTop(config), NPU_TOP)
