# amaranth: UnusedElaboratable=no
"""Ports of the core and fields of its payloads, for whoever connects it: names, widths, places.

Everything here follows from `Core`'s signature; nothing is built.
"""

from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib.wiring import In

from .core import Core
from .counters import counters_layout
from .requantiser import parameters_layout
from .tile import tile_layout

__all__ = [
    "Port",
    "PortField",
    "component_ports",
    "core_ports",
    "fields_of",
    "payload_fields",
    "result_columns",
]


@dataclass(frozen=True)
class Port:
    """A port of the Verilog.

    Attributes
    ----------
    name : in the Verilog
    direction : "in" or "out"
    width : bits
    """

    name: str
    direction: str
    width: int


@dataclass(frozen=True)
class PortField:
    """A field of a port that holds several.

    Attributes
    ----------
    name : of the field
    low : its lowest bit in the port
    width : bits
    signed : whether it is in two's complement
    """

    name: str
    low: int
    width: int
    signed: bool


def component_ports(component):
    """Ports of a component's signature by the names that they have in the Verilog, in order."""
    return [
        Port("__".join(path), "in" if member.flow == In else "out", Shape.cast(member.shape).width)
        for path, member, _ in component.signature.flatten(component)
    ]


def core_ports(config):
    """Ports of the core of `config`: clock and reset, its streams, and the rest."""
    return [Port("clk", "in", 1), Port("rst", "in", 1), *component_ports(Core(config))]


def fields_of(layout):
    """Fields of a layout, the lowest first."""
    return [
        PortField(name, field.offset, field.width, Shape.cast(field.shape).signed)
        for name, field in layout
    ]


def payload_fields(config):
    """Fields of each port of the core that holds several of different meaning, by port."""
    return {
        "tiles__payload": fields_of(tile_layout(config)),
        "parameters__payload": fields_of(parameters_layout(config)),
        "counters": fields_of(counters_layout()),
    }


def result_columns(config):
    """Columns whose outputs a word of results holds, the lowest bits first: words of a row.

    Where two rows leave at once, one word holds the columns of the first, then of the second.
    """
    units, rows = config.row_units, config.rows_at_once
    return [list(range(first, first + units)) * rows for first in range(0, config.cols, units)]
