"""Areas of what a way to drain tiles adds to a core, each by synthesis of the part."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from truncmac.hw.config import ArrayConfig
from truncmac.hw.delays import register
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.verilog import TOP, core_verilog, hierarchical_verilog
from truncmac.sim.netlist.fanout import add_buffers
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.library import Library
from truncmac.sim.netlist.mapping import MappingOptions, map_verilog
from truncmac.sim.netlist.timing import fo4

from .serial import SerialRequantiser

__all__ = ["Held", "ParameterMemory", "Parts", "Queue", "Synthesis"]

PART = "part"
UNIT = "truncmac_output_unit"


@dataclass(frozen=True)
class Synthesis:
    """Maps components to a library, as the core's own figures are made.

    Attributes
    ----------
    cache : folder that keeps the netlists
    """

    library: Library
    options: MappingOptions
    cache: Path

    def areas(self, verilog: str, top: str) -> dict[str, float]:
        """Area of each module's own cells, um2, in all its instances below `top`."""
        json = map_verilog(verilog, top, self.library, self.options, self.cache)
        netlist = flatten(json, top, self.library)
        add_buffers(netlist, fo4(self.library)[1])
        found: dict[str, float] = defaultdict(float)
        for scope, area in netlist.area_by_scope().items():
            found[scope.partition("/")[0]] += area
        return found


class ParameterMemory(wiring.Component):
    """The memory of an output unit, by itself: it is written in a cycle and read at once."""

    def __init__(self, config):
        self.config = config
        width = parameters_layout(config).size
        address = range(2 * config.share)
        super().__init__(
            {
                "write": In(1),
                "write_address": In(address),
                "parameters": In(width),
                "read_address": In(address),
                "read": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self.parameters.shape(), depth=2 * self.config.share, init=[]
        )
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.write_address),
            write.data.eq(self.parameters),
            read.addr.eq(self.read_address),
            self.read.eq(read.data),
        ]
        return m


class Held(wiring.Component):
    """A register of `width` bits with an enable: sums that wait in a PE for the row's turn."""

    def __init__(self, width):
        super().__init__({"capture": In(1), "sums": In(width), "held": Out(width)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.held.eq(register(m, self.sums, self.capture, name="register"))
        return m


class Queue(wiring.Component):
    """A queue of flip-flops, with streams of `width` bits as its members `i` and `o`."""

    def __init__(self, width, depth):
        self.width, self.depth = width, depth
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFO(width=self.width, depth=self.depth)
        wiring.connect(m, wiring.flipped(self.i), fifo.w_stream)
        wiring.connect(m, wiring.flipped(self.o), fifo.r_stream)
        return m


class Parts:
    """Areas in um2 of a core and of parts of it, each synthesised when it is first asked for.

    Parameters
    ----------
    config : of the core
    """

    def __init__(self, config: ArrayConfig, synthesis: Synthesis) -> None:
        self.config, self.synthesis = config, synthesis

    @cached_property
    def _modules(self) -> dict[str, float]:
        return self.synthesis.areas(core_verilog(self.config), TOP)

    def _within(self, *modules: str) -> float:
        """Area in the core of modules whose names begin so."""
        return sum(area for name, area in self._modules.items() if name.startswith(modules))

    def _area(self, component: wiring.Component) -> float:
        verilog = hierarchical_verilog(component, PART)
        return sum(self.synthesis.areas(verilog, PART).values())

    @property
    def core(self) -> float:
        """The whole core."""
        return sum(self._modules.values())

    @property
    def edge(self) -> float:
        """The core's output edge with all output units."""
        return self._within(f"{TOP}.edge", UNIT)

    @property
    def buffers(self) -> float:
        """The core's buffers of results and of residual codes."""
        return self._within(f"{TOP}.results", f"{TOP}.residuals")

    @property
    def requantiser(self) -> float:
        """The requantiser of one output unit, without what stands before it."""
        return self._within(f"{UNIT}.requantiser") / self.config.requantisers

    @cached_property
    def memory(self) -> float:
        """The parameters' memory of one output unit, by itself."""
        return self._area(ParameterMemory(self.config))

    def serial(self, cycles: int) -> float:
        """A requantiser that takes so many cycles for a word."""
        return self._area(SerialRequantiser(self.config, cycles))

    def queue(self, rows: int) -> float:
        """A queue of so many rows of D and Q, of flip-flops."""
        config = self.config
        return self._area(Queue(config.cols * config.dot_width + config.row_sum_width, rows))

    @cached_property
    def copy(self) -> float:
        """A second copy of D in each PE, and of Q in each row."""
        config = self.config
        row = config.cols * self._area(Held(config.dot_width))
        return config.rows * (row + self._area(Held(config.row_sum_width)))
