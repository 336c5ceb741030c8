"""The activation memory: groups of single-port banks, a bank for each row of the array."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..config import ACTIVATION_BITS
from ..hierarchy import shared

__all__ = ["ActivationMemory", "Bank", "place_layout"]

ADDRESS_BITS = 16
GROUP_BITS = 4


def place_layout(config):
    """One word of the memory: its group, its bank, and its address there."""
    return data.StructLayout(
        {"group": GROUP_BITS, "bank": range(max(config.rows, 2)), "address": ADDRESS_BITS}
    )


class Bank(wiring.Component):
    """A memory with one port, a module of its own, so that a block RAM or a macro can stand for it.

    Parameters
    ----------
    lanes, depth : int
        Codes of a word, and words.

    Members
    -------
    enable : In, the word at `address` is read, or written if a bit of `write` is high
    address : In
    write : In, a bit for each code that is written
    given : In, lanes x 8 bits, what is written
    answer : Out, what was read; it holds until the next read
    """

    def __init__(self, lanes, depth):
        self.lanes = lanes
        self.depth = depth
        super().__init__(
            {
                "enable": In(1),
                "address": In(range(depth)),
                "write": In(lanes),
                "given": In(lanes * ACTIVATION_BITS),
                "answer": Out(lanes * ACTIVATION_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self.lanes * ACTIVATION_BITS, depth=self.depth, init=[]
        )
        write = memory.write_port(granularity=ACTIVATION_BITS)
        read = memory.read_port()
        m.d.comb += [
            write.addr.eq(self.address),
            write.data.eq(self.given),
            write.en.eq(Mux(self.enable, self.write, 0)),
            read.addr.eq(self.address),
            read.en.eq(self.enable & (self.write == 0)),
            self.answer.eq(read.data),
        ]
        return m


class ActivationMemory(wiring.Component):
    """Reads all banks of a group for windows, and words of other groups one by one.

    A bank does one thing in a cycle. Windows come first, then reads of words, then writes: a write
    that finds its bank at work waits. The program's rules keep reads of words away from the group
    of the windows.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    window_group : In, the group that the windows are read from
    window_read, window_addresses, window_answers : as of `WindowReader`
    read : In, the word at `read_place` is read; `read_answer` holds it from the next cycle on
    read_place : In, `place_layout`
    read_answer : Out, lanes x 8 bits
    write : In, a bit for each code of the word at `write_place` that is written
    write_place : In, `place_layout`
    write_given : In, lanes x 8 bits
    write_ready : Out, the write takes place in this cycle
    """

    def __init__(self, config):
        self.config = config
        array = config.array
        place = place_layout(array)
        super().__init__(
            {
                "window_group": In(GROUP_BITS),
                "window_read": In(array.rows),
                "window_addresses": In(array.rows * ADDRESS_BITS),
                "window_answers": Out(array.activation_word_bits),
                "read": In(1),
                "read_place": In(place),
                "read_answer": Out(array.pe_activation_bits),
                "write": In(array.lanes),
                "write_place": In(place),
                "write_given": In(array.pe_activation_bits),
                "write_ready": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        array, width = self.config.array, self.config.array.pe_activation_bits
        window_group, read_group = Signal(GROUP_BITS), Signal(GROUP_BITS)  # of the last reads
        read_bank = Signal.like(self.read_place.bank)
        with m.If(self.window_read != 0):
            m.d.sync += window_group.eq(self.window_group)
        with m.If(self.read):
            m.d.sync += read_group.eq(self.read_place.group)
            m.d.sync += read_bank.eq(self.read_place.bank)
        m.d.comb += self.write_ready.eq(1)
        for group in range(self.config.groups):
            for row in range(array.rows):
                bank, m.submodules[f"group_{group}_bank_{row}"] = shared(
                    platform, "truncmac_bank", lambda: Bank(array.lanes, self.config.depth)
                )
                self._serve(m, bank, group, row)
                part = self.window_answers.word_select(row, width)
                with m.If(window_group == group):
                    m.d.comb += part.eq(bank.answer)
                with m.If((read_group == group) & (read_bank == row)):
                    m.d.comb += self.read_answer.eq(bank.answer)
        return m

    def _serve(self, m, bank, group, row):
        """What a bank does in this cycle."""
        reads, writes = (
            (place.group == group) & (place.bank == row)
            for place in (self.read_place, self.write_place)
        )
        m.d.comb += bank.given.eq(self.write_given)
        with m.If(self.window_read[row] & (self.window_group == group)):
            m.d.comb += bank.enable.eq(1)
            m.d.comb += bank.address.eq(self.window_addresses.word_select(row, ADDRESS_BITS))
        with m.Elif(self.read & reads):
            m.d.comb += bank.enable.eq(1)
            m.d.comb += bank.address.eq(self.read_place.address)
        with m.Else():
            m.d.comb += bank.enable.eq((self.write != 0) & writes)
            m.d.comb += bank.address.eq(self.write_place.address)
            m.d.comb += bank.write.eq(self.write)
        busy = (self.window_read[row] & (self.window_group == group)) | (self.read & reads)
        with m.If(writes & busy):
            m.d.comb += self.write_ready.eq(0)
