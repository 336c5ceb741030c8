"""Writes the core as plain Verilog-2005: each shared module once."""

from amaranth.back import verilog

from .core import Core
from .counters import COUNTER_BITS
from .hierarchy import SharedModules

__all__ = ["TOP", "core_verilog", "hierarchical_verilog"]

TOP = "truncmac_core"


def core_verilog(config, counter_bits=COUNTER_BITS):
    """Verilog-2005 text of the core of `config`; its top module is `TOP`."""
    return hierarchical_verilog(Core(config, counter_bits), TOP)


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
