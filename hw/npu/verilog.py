"""Writes the NPU as plain Verilog-2005: each shared module once."""

import re

from truncmac.hw.verilog import hierarchical_verilog

from .top import NpuTop

__all__ = ["NPU_TOP", "npu_verilog"]

NPU_TOP = "truncmac_npu"
# What Yosys adds to each module so that `always @*` runs once at the beginning
WAKER = re.compile(r"^  reg (\\\S*dump_module\S*)\s*= 0;$", re.MULTILINE)


def npu_verilog(config):
    """Verilog-2005 text of the NPU of `config`, an `NpuConfig`; its top module is `NPU_TOP`."""
    return woken(hierarchical_verilog(NpuTop(config), NPU_TOP))


def woken(text):
    """`text` with blocks that run at the beginning in every simulator.

    A block `always @*` whose inputs never change runs only if an event reaches it. A register that
    is set where it is declared gives none to a block that does not wait yet (IEEE 1364-2005,
    6.2.1), as in Icarus; one that is assigned later in that instant does.
    """
    return WAKER.sub(r"  reg \1 ;\n  initial \1 <= 0;", text)
