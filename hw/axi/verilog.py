"""Writes the AXI top as plain Verilog-2005: each shared module once."""

from truncmac.hw.verilog import hierarchical_verilog

from .top import AxiTop, check_axi

__all__ = ["AXI_TOP", "axi_verilog"]

AXI_TOP = "truncmac_axi"


def axi_verilog(config, widths=None):
    """Verilog-2005 text of the AXI top of `config`; its top module is `AXI_TOP`.

    Raises
    ------
    ValueError
        If `config` does not fit the AXI top; see `check_axi`.
    """
    check_axi(config)
    return hierarchical_verilog(AxiTop(config, widths), AXI_TOP)
