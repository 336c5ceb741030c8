"""Writes the core as plain Verilog-2005: each shared module once."""

import gc
import re
from contextlib import contextmanager

from amaranth.back import rtlil, verilog

from .core import Core
from .counters import COUNTER_BITS
from .hierarchy import SharedModules

__all__ = ["TOP", "core_verilog", "hierarchical_verilog"]

TOP = "truncmac_core"
MODULE = re.compile(r"^(?:\(\*[^\n]*\n)*module \\?(\w+).*?^endmodule\n", re.MULTILINE | re.DOTALL)


def core_verilog(config, counter_bits=COUNTER_BITS):
    """Verilog-2005 text of the core of `config`; its top module is `TOP`."""
    return hierarchical_verilog(Core(config, counter_bits), TOP)


def hierarchical_verilog(component, name):
    """Verilog of `component` as module `name`, followed by its shared modules."""
    platform = SharedModules()
    texts = {}
    pending = {name: component}
    with _no_collection():
        while pending:
            for module, part in pending.items():
                texts[module] = rtlil.convert(part, module, platform, emit_src=False)
            pending = {k: v for k, v in platform.components.items() if k not in texts}
    # `verilog.convert` would start Yosys once a module
    text = verilog._convert_rtlil_text("\n".join(texts.values()))
    return _ordered(text, list(texts))


def _ordered(text, names):
    """The modules of `text`, which Yosys sorts by name, in the order of `names`.

    What a component holds by itself follows it: NAME, then NAME.PART.
    """
    first = MODULE.search(text).start()
    modules = [(names.index(match[1]), match[0]) for match in MODULE.finditer(text)]
    modules.sort(key=lambda module: module[0])
    return "\n".join([text[:first].rstrip(), *(module for _, module in modules)])


@contextmanager
def _no_collection():
    """Pause the garbage collector: Amaranth makes many objects, and keeps nearly all of them."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
