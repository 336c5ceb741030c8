"""Modules that are elaborated once and instantiated many times."""

from amaranth import ClockSignal, Instance, ResetSignal
from amaranth.lib.wiring import Flow

__all__ = ["SharedModules", "shared"]


class SharedModules:
    """Passed as `platform` when Verilog is written: collects the shared modules by name.

    Amaranth elaborates every submodule anew, so an array of equal PEs takes time and text in
    proportion to its area. Where this is the platform, `shared` leaves an instance by name, and
    the module itself is written once.
    """

    def __init__(self):
        self.components = {}


def shared(platform, name, make):
    """Return (interface, submodule) of a component that `make()` builds.

    In simulation both are the component itself. Under `SharedModules` the submodule is an
    instance of the module `name`, and all calls with one name must build the same component.
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
