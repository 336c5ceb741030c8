"""Reads words of the activation memory ahead of who takes their codes."""

from amaranth import Module, Mux, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from ..config import ACTIVATION_BITS
from ..delays import register
from .memory import place_layout

__all__ = ["ReadAhead", "wanted_layout"]


def wanted_layout(config):
    """What is wanted of a word: as many codes as lie side by side in it of one row of results.

    place : of the word
    part : which of the groups of so many codes, from the lowest
    wanted : a bit for each code; the others are 0. A word of which none is wanted is not read
    """
    columns = min(config.cols, config.lanes)
    return data.StructLayout(
        {
            "place": place_layout(config),
            "part": range(max(config.lanes // columns, 2)),
            "wanted": columns,
        }
    )


class ReadAhead(wiring.Component):
    """Reads a word a cycle, as long as there is room for its codes; they leave in order.

    The codes of a word are here in the cycle after it was read.

    Parameters
    ----------
    config : ArrayConfig
    asked, answered : int
        How many words may wait to be read, and how many may wait to be taken besides the one that
        the memory holds.

    Members
    -------
    words : In, stream of `wanted_layout(config)`; it is ready or not whatever is offered beside it
    read, read_place, read_answer, read_ready : of a port of the activation memory
    codes : Out, stream of min(cols, lanes) x 8 bits
    """

    def __init__(self, config, *, asked=0, answered=0):
        self.config = config
        self.asked = asked
        self.answered = answered
        self.columns = min(config.cols, config.lanes)
        super().__init__(
            {
                "words": In(stream.Signature(wanted_layout(config))),
                "read": Out(1),
                "read_place": Out(place_layout(config)),
                "read_answer": In(config.pe_activation_bits),
                "read_ready": In(1),
                "codes": Out(stream.Signature(self.columns * ACTIVATION_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words = _queue(m, "asked", self.words, self.asked)
        answers = stream.Signature(self.codes.payload.shape()).create(path=("answers",))
        codes = _queue(m, "answered", answers, self.answered)
        held, free = Signal(), Signal()  # a word's codes are here; the next may come
        step, reads = Signal(), words.p.wanted != 0
        m.d.comb += [
            free.eq(~held | answers.ready),
            self.read.eq(words.valid & reads & free),
            self.read_place.eq(words.p.place),
            words.ready.eq(free & (~reads | self.read_ready)),
            step.eq(words.valid & words.ready),
            answers.valid.eq(held),
            self.codes.valid.eq(codes.valid),
            self.codes.payload.eq(codes.payload),
            codes.ready.eq(self.codes.ready),
        ]
        m.d.sync += held.eq(step | (held & ~free))
        part = register(m, words.p.part, step, name="part")
        wanted = register(m, words.p.wanted, step, name="wanted")
        found = self.read_answer.word_select(part, len(answers.payload))
        for column in range(self.columns):
            code = found.word_select(column, ACTIVATION_BITS)
            given = answers.payload.word_select(column, ACTIVATION_BITS)
            m.d.comb += given.eq(Mux(wanted[column], code, 0))
        return m


def _queue(m, name, given, depth):
    """The stream of what leaves a queue of so many entries; without one, what is given."""
    if not depth:
        return given
    layout = given.payload.shape()
    left = stream.Signature(layout).create(path=(name,))
    m.submodules[name] = queue = SyncFIFO(width=Shape.cast(layout).width, depth=depth)
    m.d.comb += [
        queue.w_data.eq(given.payload),
        queue.w_en.eq(given.valid),
        given.ready.eq(queue.w_rdy),
        left.payload.eq(queue.r_data),
        left.valid.eq(queue.r_rdy),
        queue.r_en.eq(left.ready),
    ]
    return left
