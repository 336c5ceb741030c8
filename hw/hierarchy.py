"""Modules that are elaborated once and instantiated many times."""

from amaranth import ClockSignal, Instance, ResetSignal
from amaranth.lib.wiring import Flow

__all__ = ["SharedModules", "shared"]


class SharedModules:
    """The `platform` with which Verilog is written; it collects the shared modules by name.

    Amaranth elaborates every submodule anew, so the time and text of an array of equal PEs grow
    with its area. With this platform, `shared` makes an instance that names its module, and the
    module itself is written once.
    """

    def __init__(self):
        self.components = {}


def shared(platform, name, make):
    """Return the interface and the submodule of a component that `make()` builds.

    In simulation both are the component itself. Under `SharedModules` the submodule is an
    instance of the module `name`; all calls with the same name must build the same component.
    """
    if not isinstance(platform, SharedModules):
        component = make()
        return component, component
    if name not in platform.components:
        platform.components[name] = make()
    signature = platform.components[name].signature
    interface = signature.create()
    ports = {}
    for path, member, value in signature.flatten(interface):
        direction = "i" if member.flow is Flow.In else "o"
        ports[f"{direction}_{'__'.join(path)}"] = value
    return interface, Instance(name, i_clk=ClockSignal(), i_rst=ResetSignal(), **ports)
