"""Writes the core as plain Verilog-2005: each shared module once."""

from amaranth.back import verilog

from truncmac.hw.axi.top import AxiTop, check_axi

from .core import Core
from .counters import COUNTER_BITS
from .hierarchy import SharedModules

__all__ = ["AXI_TOP", "TOP", "axi_verilog", "core_verilog"]

TOP = "truncmac_core"
AXI_TOP = "truncmac_axi"


def core_verilog(config, counter_bits=COUNTER_BITS):
    """Verilog-2005 text of the core of `config`; its top module is `TOP`."""
    return hierarchical_verilog(Core(config, counter_bits), TOP)


def axi_verilog(config, widths=None):
    """Verilog-2005 text of the AXI top of `config`; its top module is `AXI_TOP`.

    Raises
    ------
    ValueError
        If `config` does not fit the AXI top; see `check_axi`.
    """
    check_axi(config)
    return hierarchical_verilog(AxiTop(config, widths), AXI_TOP)


def hierarchical_verilog(component, name):
    """Verilog of `component` as module `name`, followed by its shared modules."""
    platform = SharedModules()
    texts, written = [], set()
    pending = {name: component}
    while pending:
        for module, part in pending.items():
            text = verilog.convert(part, name=module, platform=platform, emit_src=False)
            texts.append(text)
            written.add(module)
        pending = {k: v for k, v in platform.components.items() if k not in written}
    return "\n".join(texts)
