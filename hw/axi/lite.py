"""AXI4-Lite registers: answers a bus master from a register map."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiLiteRegisters", "axi_lite_members"]

OKAY, SLVERR = 0, 2


def axi_lite_members(prefix, address_width):
    """Return the ports of an AXI4-Lite slave of 32 bits, by their usual names (ARM IHI 0022)."""
    return {
        f"{prefix}_awaddr": In(address_width),
        f"{prefix}_awprot": In(3),
        f"{prefix}_awvalid": In(1),
        f"{prefix}_awready": Out(1),
        f"{prefix}_wdata": In(32),
        f"{prefix}_wstrb": In(4),
        f"{prefix}_wvalid": In(1),
        f"{prefix}_wready": Out(1),
        f"{prefix}_bresp": Out(2),
        f"{prefix}_bvalid": Out(1),
        f"{prefix}_bready": In(1),
        f"{prefix}_araddr": In(address_width),
        f"{prefix}_arprot": In(3),
        f"{prefix}_arvalid": In(1),
        f"{prefix}_arready": Out(1),
        f"{prefix}_rdata": Out(32),
        f"{prefix}_rresp": Out(2),
        f"{prefix}_rvalid": Out(1),
        f"{prefix}_rready": In(1),
    }


class AxiLiteRegisters(wiring.Component):
    """Takes one read and one write at a time. Addresses without a register are answered SLVERR.

    Parameters
    ----------
    registers : sequence of BusRegister
    prefix : str
        Prefix of the bus' ports.
    address_width : int
        Bits of a byte address; the lowest two are ignored.

    Members
    -------
    The bus, and for each field REGISTER_FIELD:
    ro : In, what is read
    rw : Out, what was written last; zero at reset; bytes by WSTRB
    start : Out, high for the cycle after a 1 was written
    event : In, sets the bit that is read, until a 1 is written to it (setting wins);
        and REGISTER_FIELD_seen : Out, the bit
    """

    def __init__(self, registers, *, prefix="s_axil", address_width=8):
        self.registers = registers
        self.prefix = prefix
        self.address_width = address_width
        members = axi_lite_members(prefix, address_width)
        for register in registers:
            for field in register.fields:
                name = f"{register.name}_{field.name}"
                flow = Out if field.access in ("rw", "start") else In
                members[name] = flow(field.width)
                if field.access == "event":
                    members[f"{name}_seen"] = Out(1)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        bus = {name: getattr(self, f"{self.prefix}_{name}") for name in BUS}
        write = Signal()
        # Address and data are taken together, when the answer before is gone
        m.d.comb += write.eq(bus["awvalid"] & bus["wvalid"] & (~bus["bvalid"] | bus["bready"]))
        m.d.comb += bus["awready"].eq(write)
        m.d.comb += bus["wready"].eq(write)
        with m.If(bus["bready"]):
            m.d.sync += bus["bvalid"].eq(0)
        with m.If(write):
            m.d.sync += bus["bvalid"].eq(1)
            m.d.sync += bus["bresp"].eq(SLVERR)

        read = Signal()
        m.d.comb += read.eq(bus["arvalid"] & (~bus["rvalid"] | bus["rready"]))
        m.d.comb += bus["arready"].eq(read)
        with m.If(bus["rready"]):
            m.d.sync += bus["rvalid"].eq(0)
        with m.If(read):
            m.d.sync += bus["rvalid"].eq(1)
            m.d.sync += bus["rdata"].eq(0)
            m.d.sync += bus["rresp"].eq(SLVERR)

        for register in self.registers:
            word = register.address >> 2
            written = write & (bus["awaddr"][2:] == word)
            with m.If(written):
                m.d.sync += bus["bresp"].eq(OKAY)
            values = [
                (field, self._field(m, register, field, written, bus)) for field in register.fields
            ]
            with m.If(read & (bus["araddr"][2:] == word)):
                m.d.sync += bus["rresp"].eq(OKAY)
                for field, value in values:
                    m.d.sync += bus["rdata"][field.low : field.low + field.width].eq(value)
        return m

    def _field(self, m, register, field, written, bus):
        """Drive a field's ports, and return what is read of it."""
        name = f"{register.name}_{field.name}"
        port = getattr(self, name)
        bits = range(field.low, field.low + field.width)
        if field.access == "rw":
            for index, bit in enumerate(bits):
                with m.If(written & bus["wstrb"][bit // 8]):
                    m.d.sync += port[index].eq(bus["wdata"][bit])
            return port
        one = written & bus["wstrb"][field.low // 8] & bus["wdata"][field.low]
        if field.access == "start":
            m.d.sync += port.eq(one)
            return 0
        if field.access == "event":
            seen = getattr(self, f"{name}_seen")
            m.d.sync += seen.eq(port | Mux(one, 0, seen))
            return seen
        return port


BUS = (
    *("awaddr", "awvalid", "awready", "wdata", "wstrb", "wvalid", "wready"),
    *("bresp", "bvalid", "bready"),
    *("araddr", "arvalid", "arready", "rdata", "rresp", "rvalid", "rready"),
)
