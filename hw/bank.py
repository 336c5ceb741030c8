"""A memory with one port, a module of its own, so that a block RAM or a macro can stand for it."""

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Bank"]


class Bank(wiring.Component):
    """Reads or writes a word in a cycle.

    Parameters
    ----------
    parts, width : int
        A word is so many parts of so many bits, each of which can be written alone.
    depth : int
        Words.

    Members
    -------
    enable : In, the word at `address` is read, or written if a bit of `write` is high
    address : In
    write : In, a bit for each part that is written
    given : In, parts x width bits, what is written
    answer : Out, what was read; it holds until the next read
    """

    def __init__(self, parts, width, depth):
        self.parts = parts
        self.width = width
        self.depth = max(depth, 2)  # an address has a bit at least
        super().__init__(
            {
                "enable": In(1),
                "address": In(range(self.depth)),
                "write": In(parts),
                "given": In(parts * width),
                "answer": Out(parts * width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self.parts * self.width, depth=self.depth, init=[]
        )
        write = memory.write_port(granularity=self.width)
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
