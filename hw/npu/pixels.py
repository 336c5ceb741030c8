"""Im2col pixel by pixel, for strides that are not those of the map's layout."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from ..delays import register
from .memory import ADDRESS_BITS
from .place import BLOCK_BITS, SIZE_BITS, map_layout, word_place
from .walk import TAP_BITS, TapWalk, reader_members

__all__ = ["PixelReader"]

STRIDE_BITS = 4
POSITION_BITS = TAP_BITS + STRIDE_BITS


class PixelReader(wiring.Component):
    """Gives the words that `WindowReader` gives, at any stride: a pixel in each cycle.

    The pixels of a tile may lie in the same bank, so they are read one after the other and gathered
    to a word. A word takes `rows + OVERHEAD` cycles where nothing stalls.

    Parameters
    ----------
    config : ArrayConfig, whose rows and lanes are powers of two

    Members
    -------
    As of `WindowReader`.
    """

    OVERHEAD = 3

    def __init__(self, config):
        self.config = config
        self.row_bits = exact_log2(config.rows)
        super().__init__(reader_members(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = TapWalk(self.config)
        row = Signal(range(max(self.config.rows, 2)))
        held = Signal()  # all pixels of the word at hand are on their way, or here
        walked = Signal()  # all taps are given
        valid = Signal(2)  # a pixel is at its place; its answer is here
        step, last = Signal(), Signal()
        m.d.comb += [
            walk.windows.payload.eq(self.windows.payload),
            walk.windows.valid.eq(self.windows.valid & ~walked),
            step.eq(walk.taps.valid & ~held),
            last.eq(row == self.config.rows - 1),
            walk.taps.ready.eq(step & last),
            self.words.valid.eq(held & (valid == 0)),
            self.windows.ready.eq(walked & ~held),
        ]
        m.d.sync += valid.eq(Cat(step, valid[0]))
        with m.If(step):
            m.d.sync += row.eq(Mux(last, 0, row + 1))
            m.d.sync += held.eq(last)
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += held.eq(0)
        with m.If(walk.windows.valid & walk.windows.ready):
            m.d.sync += walked.eq(1)
        with m.Elif(self.windows.ready):
            m.d.sync += walked.eq(0)

        place, inside, block = self._place(m, walk.taps.p, row, step)
        m.d.comb += self.read.eq(Mux(valid[0] & inside, 1 << place.bank, 0))
        for bank in range(self.config.rows):
            address = self.addresses.word_select(bank, ADDRESS_BITS)
            m.d.comb += address.eq(place.address)
        taken = register(m, Cat(place.bank, inside, block), valid[0], name="taken")
        bank, known, channels = taken[: len(place.bank)], taken[len(place.bank)], taken[-SIZE_BITS:]
        with m.If(valid[1]):
            self._gather(m, bank, known, channels)
        return m

    def _place(self, m, tap, row, step):
        """Registers of the pixel's place, whether it is inside the map, and its block."""
        window = self.windows.p
        where = Signal(map_layout())
        for name in ("base", "step_x", "step_y", "tile_x", "phase_x", "phase_y"):
            m.d.comb += where[name].eq(window[name])
        across = row & ((1 << window.tile_x[:BLOCK_BITS]) - 1)
        found = {}
        for axis, turn in (("x", across), ("y", row >> window.tile_x[:BLOCK_BITS])):
            position = Signal(signed(POSITION_BITS), name=f"position_{axis}")
            output = tap[f"origin_{axis}"] + turn
            m.d.comb += position.eq(output * window[f"stride_{axis}"] + tap[f"tap_{axis}"])
            found[axis] = register(m, position, step, name=f"pixel_{axis}")
        block = register(m, tap.block, step, name="block")
        x, y = found["x"], found["y"]
        inside = (x >= 0) & (x < window.input_width) & (y >= 0) & (y < window.input_height)
        at = (value.as_unsigned()[:SIZE_BITS] for value in (x, y))
        return word_place(m, self.config, where, *at, block, name="word"), inside, block

    def _gather(self, m, bank, known, block):
        """Move the word by a row, and put the pixel's codes into the last."""
        lanes, width = self.config.lanes, self.config.pe_activation_bits
        answer = self.answers.word_select(bank, width)
        pixel = Signal(width)
        for lane in range(lanes):
            channel = Signal(SIZE_BITS + 1, name=f"channel_{lane}")
            code = Mux(known, answer.word_select(lane, ACTIVATION_BITS), self.windows.p.pad_code)
            m.d.comb += channel.eq(block * lanes + lane)
            m.d.comb += pixel.word_select(lane, ACTIVATION_BITS).eq(
                Mux(channel < self.windows.p.input_channels, code, 0)
            )
        m.d.sync += self.words.payload.eq(Cat(self.words.payload, pixel)[width:])
