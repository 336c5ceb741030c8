"""The NPU's top: AXI4 master, AXI4-Lite slave and interrupt."""

from amaranth import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import Region

from ..axi.lite import AxiLiteRegisters, axi_lite_members
from ..counters import COUNTER_BITS, COUNTERS
from .ahead import DescriptorReader
from .control import RUNNERS, Controller
from .counters import NPU_COUNTERS, NpuCounters
from .engine import Engine
from .reader import axi_read_members
from .registers import BASE_ALIGNMENT_BITS, MAP_VERSION, NPU_REGISTERS
from .writer import axi_write_members

__all__ = ["NpuTop"]

ADDRESS_WIDTH = 8


class NpuTop(wiring.Component):
    """Runs a whole network after one write to `start`.

    A fault resets all but the registers, once the bus is still; so the next program is right.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    aclk, aresetn : In, clock, and reset when low, synchronous
    s_axil_* : AXI4-Lite, the registers of `registers`
    m_axi_* : AXI4
    irq : Out, high while `status.done` is set and `control.irq_enable`
    """

    def __init__(self, config):
        self.config = config
        width = config.bus_width
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "irq": Out(1),
                **axi_lite_members("s_axil", ADDRESS_WIDTH),
                **axi_read_members(width),
                **axi_write_members(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.domains.control = ClockDomain()
        control = DomainRenamer("control")
        m.submodules.engine = engine = Engine(self.config)
        registers = AxiLiteRegisters(NPU_REGISTERS, address_width=ADDRESS_WIDTH)
        controller = Controller()
        m.submodules.descriptors = descriptors = DescriptorReader(self.config)
        m.submodules.registers = control(registers)
        m.submodules.controller = control(controller)
        m.d.comb += [
            ClockSignal("sync").eq(self.aclk),
            ClockSignal("control").eq(self.aclk),
            ResetSignal("control").eq(~self.aresetn),
            ResetSignal("sync").eq(~self.aresetn | controller.abort),
        ]
        for part, members in (
            (registers, axi_lite_members("s_axil", ADDRESS_WIDTH)),
            (engine, axi_read_members(self.config.bus_width)),
            (engine, axi_write_members(self.config.bus_width)),
        ):
            for name, member in members.items():
                ours, theirs = getattr(self, name), getattr(part, name)
                m.d.comb += theirs.eq(ours) if member.flow == In else ours.eq(theirs)
        self._command(m, controller, descriptors, engine)
        self._register(m, registers, controller, (descriptors, engine))
        self._count(m, registers, controller, engine)
        return m

    def _command(self, m, controller, descriptors, engine):
        wiring.connect(m, descriptors.requests, engine.descriptor_requests)
        wiring.connect(m, engine.descriptor_data, descriptors.data)
        wiring.connect(m, descriptors.checked, controller.checked)
        wiring.connect(m, descriptors.ahead, engine.ahead)
        m.d.comb += [
            descriptors.start.eq(controller.start & ~controller.busy),
            engine.told.eq(descriptors.told),
            engine.descriptor_early.eq(~controller.fetches),
            engine.descriptor.eq(controller.descriptor),
            engine.stop.eq(controller.stop),
        ]
        for name in dict.fromkeys(RUNNERS.values()):
            m.d.comb += getattr(engine, f"run_{name}").eq(getattr(controller, f"run_{name}"))
            m.d.comb += getattr(controller, f"ended_{name}").eq(getattr(engine, f"ended_{name}"))
        for name in (
            *("outside", "read_failed", "write_failed", "still", "written"),
            *("loading", "storing"),
        ):
            m.d.comb += getattr(controller, name).eq(getattr(engine, name))

    def _register(self, m, registers, controller, readers):
        m.d.comb += [
            registers.version_value.eq(MAP_VERSION),
            registers.configuration_value.eq(self.config.configuration),
            controller.start.eq(registers.control_start),
            controller.reset.eq(registers.control_reset),
            registers.status_busy.eq(controller.busy),
            registers.status_done.eq(controller.done),
            registers.status_refused.eq(registers.control_start & controller.busy),
            registers.status_fault.eq(controller.fault),
            registers.index_value.eq(controller.index),
            readers[0].entry.eq(_aligned(registers.entry_value)),
            self.irq.eq(registers.status_done_seen & registers.control_irq_enable),
        ]
        for region in Region:
            name = region.name.lower()
            base, size = (getattr(registers, f"{name}_{part}_value") for part in ("base", "size"))
            for reader in readers:
                m.d.comb += [
                    reader.regions[region].base.eq(_aligned(base)),
                    reader.regions[region].size.eq(size),
                ]

    def _count(self, m, registers, controller, engine):
        """All counters are of the last program; a fault zeroes those of the core."""
        m.submodules.counters = counters = DomainRenamer("control")(NpuCounters())
        begins, cycles = Signal(), Signal(COUNTER_BITS)
        with m.If(begins):
            m.d.control += cycles.eq(0)
        with m.Elif(controller.busy):
            m.d.control += cycles.eq(cycles + 1)
        m.d.comb += [
            registers.cycles_value.eq(cycles),
            begins.eq(controller.start & ~controller.busy),
            counters.clear.eq(begins),
            engine.clear.eq(begins),
            counters.events.fetching.eq(controller.fetches),
            counters.events.convolving.eq(controller.run_convolution),
            counters.events.passing.eq(controller.run_post),
            counters.events.moving.eq(controller.moves),
            counters.events.read_beats.eq(self.m_axi_rvalid & self.m_axi_rready),
            counters.events.written_beats.eq(self.m_axi_wvalid & self.m_axi_wready),
            counters.events.waiting_results.eq(engine.waiting_results),
            counters.events.waiting_residuals.eq(engine.waiting_residuals),
        ]
        for name in NPU_COUNTERS:
            m.d.comb += getattr(registers, f"count_{name}_value").eq(counters.values[name])
        for name in COUNTERS:
            value = getattr(registers, f"count_core_{name}_value")
            m.d.comb += value.eq(engine.counters[name])


def _aligned(value):
    """The multiple of the widest bus' bytes that is at or below a value."""
    return value >> BASE_ALIGNMENT_BITS << BASE_ALIGNMENT_BITS
