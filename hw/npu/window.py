"""Im2col by address: reads the pixels of a tile at one tap out of all banks of a group at once."""

from dataclasses import dataclass

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from ..delays import register
from .memory import ADDRESS_BITS
from .place import BLOCK_BITS, SIZE_BITS
from .walk import TAP_BITS, TapWalk, reader_members

__all__ = ["WindowReader"]

PHASES = 3  # bits of a phase


@dataclass(frozen=True)
class _Position:
    """Where along an axis a tile reads its first pixel at a tap.

    size : log2 of a block's pixels
    blocks : whole blocks before it, signed
    first : of its block, the first pixel, signed
    turn : pixels of its block before it
    phase : of the pixels that the tile reads
    """

    size: Value
    blocks: Value
    first: Value
    turn: Value
    phase: Value


class WindowReader(wiring.Component):
    """Gives the words of activations that the core takes for a convolution, a word a cycle.

    A tile's pixels at one tap lie in different banks, because the map's layout follows the
    convolution's strides; see `golden.maps`. So each beat reads every bank once, and two rotations
    bring the codes to their rows. Outside the map the pad code is given and no bank is read. Lanes
    at or above the input's channels are 0, because a weight code of 0 is not a weight of zero.

    From a tap to its word, where nothing stalls, it takes `LATENCY` cycles: its place, the word in
    which it begins, and the banks' own cycle.

    Parameters
    ----------
    config : ArrayConfig, whose rows and lanes are powers of two

    Members
    -------
    windows : In, stream of `window_layout()`; taken when its last word has left
    words : Out, stream of rows x lanes x 8 bits, row 0 lowest
    read : Out, a bit for each bank: it is read in this cycle
    addresses : Out, 16 bits for each bank
    answers : In, lanes x 8 bits for each bank, in the cycle after `read`; they hold otherwise
    """

    LATENCY = 3

    def __init__(self, config):
        self.config = config
        self.row_bits = exact_log2(config.rows)
        super().__init__(reader_members(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = TapWalk(self.config)
        advance = Signal()
        valid = Signal(self.LATENCY)  # of each stage
        walked = Signal()  # all taps are given; their words are still on their way
        m.d.comb += [
            advance.eq(~valid[-1] | self.words.ready),
            walk.windows.payload.eq(self.windows.payload),
            walk.windows.valid.eq(self.windows.valid & ~walked),
            walk.taps.ready.eq(advance),
            self.windows.ready.eq(walked & (valid == 0)),
            self.words.valid.eq(valid[-1]),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(Cat(walk.taps.valid, valid[:-1]))
        with m.If(walk.windows.valid & walk.windows.ready):
            m.d.sync += walked.eq(1)
        with m.Elif(self.windows.ready):
            m.d.sync += walked.eq(0)

        taps = {axis: self._position(m, axis, walk.taps.p, advance) for axis in "xy"}
        block = register(m, walk.taps.p.block, advance, name="block")
        banks = self._inside(m, taps, advance)
        lanes = register(m, self._lanes(m, block), advance, name="lanes")
        turns = {axis: register(m, taps[axis].turn, advance, name=f"turn_{axis}") for axis in "xy"}
        start = register(m, self._start(taps, block), advance, name="start")
        self._read(m, start, turns, banks, advance & valid[1])
        known = register(m, banks, advance, name="known")
        later = {axis: register(m, turns[axis], advance, name=f"later_{axis}") for axis in "xy"}
        self._arrange(m, known, later, register(m, lanes, advance, name="lanes_read"))
        return m

    def _position(self, m, axis, tap, advance):
        """Place of a tile's first pixel at a tap: whole blocks, turn within one, and phase."""
        window = self.windows.p
        phase, size = window[f"phase_{axis}"], window[f"tile_{axis}"] if axis == "x" else None
        size = self.row_bits - window.tile_x if size is None else size
        taken = Signal(signed(TAP_BITS), name=f"taken_{axis}")
        m.d.comb += taken.eq(tap[f"origin_{axis}"] + (tap[f"tap_{axis}"] >> phase))
        rest = tap[f"tap_{axis}"].as_unsigned() & ((1 << phase) - 1)[:SIZE_BITS]
        place = register(m, taken, advance, name=f"place_{axis}")
        within = ((1 << size[:BLOCK_BITS]) - 1)[: self.row_bits + 1]  # bits of the turn
        return _Position(
            size=size,
            blocks=place >> size[:BLOCK_BITS],
            first=Cat(place[: len(within)] & ~within, place[len(within) :]).as_signed(),
            turn=place[: len(within)] & within,
            phase=register(m, rest[:PHASES], advance, name=f"rest_{axis}"),
        )

    def _start(self, taps, block):
        """Word of the block in which a tile begins, of its phase and channels."""
        window, (x, y) = self.windows.p, (taps["x"], taps["y"])
        depth = window.step_x >> (window.phase_x + window.phase_y)[:BLOCK_BITS]
        phase = (y.phase << window.phase_x[:2]) + x.phase
        words = y.blocks * window.step_y + x.blocks * window.step_x + phase * depth
        return (window.base + words + block)[:ADDRESS_BITS]

    def _inside(self, m, taps, advance):
        """Whether the pixel that each bank holds for a tile is inside the map."""
        window, banks = self.windows.p, {}
        for axis, size in (("x", window.input_width), ("y", window.input_height)):
            tap, phase = taps[axis], window[f"phase_{axis}"]
            # Pixels of this phase along the axis
            count = (size + (1 << phase[:2]) - 1 - tap.phase) >> phase[:2]
            before = self._bounded(m, -tap.first, name=f"before_{axis}")
            ahead = self._bounded(m, count - tap.first, name=f"ahead_{axis}")
            found = Signal(self.config.rows, name=f"inside_{axis}")
            for bank in range(self.config.rows):
                # From the first pixel of the block in which the tile begins
                pixel = bank + Mux(bank < tap.turn, 1 << tap.size[:BLOCK_BITS], 0)
                m.d.comb += found[bank].eq((pixel >= before) & (pixel < ahead))
            banks[axis] = found
        inside = Signal(self.config.rows)
        with m.Switch(window.tile_x):
            for tile_x in range(self.row_bits + 1):
                with m.Case(tile_x):
                    for bank in range(self.config.rows):
                        x, y = bank & ((1 << tile_x) - 1), bank >> tile_x
                        m.d.comb += inside[bank].eq(banks["x"][x] & banks["y"][y])
        return register(m, inside, advance, name="inside_map")

    def _bounded(self, m, value, *, name):
        """A signed value, but at least 0, and at most the pixels of two blocks of all rows."""
        bits = self.row_bits + 1
        whole, bounded = Signal(value.shape(), name=name), Signal(bits + 1, name=f"{name}_bounded")
        most = 1 << bits
        m.d.comb += whole.eq(value)
        m.d.comb += bounded.eq(Mux(whole < 0, 0, Mux(whole >= most, most, whole)))
        return bounded

    def _lanes(self, m, block):
        """A bit for each lane that holds a channel."""
        lanes = self.config.lanes
        left = Signal(signed(SIZE_BITS + 2))
        m.d.comb += left.eq(self.windows.p.input_channels - block * lanes)
        return Cat(left > lane for lane in range(lanes))

    def _read(self, m, start, turns, banks, reads):
        """Give each bank its address: those before the turn are in the next block."""
        window = self.windows.p
        m.d.comb += self.read.eq(Mux(reads, banks, 0))
        with m.Switch(window.tile_x):
            for tile_x in range(self.row_bits + 1):
                with m.Case(tile_x):
                    for bank in range(self.config.rows):
                        x, y = bank & ((1 << tile_x) - 1), bank >> tile_x
                        across = Mux(x < turns["x"], window.step_x, 0)
                        down = Mux(y < turns["y"], window.step_y, 0)
                        address = self.addresses.word_select(bank, ADDRESS_BITS)
                        m.d.comb += address.eq(start + across + down)

    def _arrange(self, m, known, turns, lanes):
        """Bring each bank's codes to the row that asked for them."""
        width = self.config.pe_activation_bits
        shown = [
            Cat(self.answers.word_select(bank, width), known[bank])
            for bank in range(self.config.rows)
        ]
        window = self.windows.p
        shown = self._turned_whole(m, shown, (turns["y"] << window.tile_x[:BLOCK_BITS]))
        shown = self._turned_in_blocks(m, shown, turns["x"], window.tile_x)
        for row, word in enumerate(shown):
            for lane in range(self.config.lanes):
                code = word.word_select(lane, ACTIVATION_BITS)
                given = Mux(word[-1], code, window.pad_code)
                place = self.words.payload.word_select(
                    row * self.config.lanes + lane, ACTIVATION_BITS
                )
                m.d.comb += place.eq(Mux(lanes[lane], given, 0))

    def _turned_whole(self, m, words, amount):
        """Words moved down by `amount`, round about all of them."""
        rows = self.config.rows
        for bit in range(self.row_bits):
            moved = [Signal(len(word), name=f"whole_{bit}_{i}") for i, word in enumerate(words)]
            for row, word in enumerate(moved):
                m.d.comb += word.eq(Mux(amount[bit], words[(row + (1 << bit)) % rows], words[row]))
            words = moved
        return words

    def _turned_in_blocks(self, m, words, amount, size):
        """The same in each block of 2**size words; `amount` is less than a block."""
        for bit in range(self.row_bits):
            moved = [Signal(len(word), name=f"block_{bit}_{i}") for i, word in enumerate(words)]
            for row, word in enumerate(moved):
                m.d.comb += word.eq(words[row])
            with m.Switch(size):
                for log in range(bit + 1, self.row_bits + 1):
                    with m.Case(log), m.If(amount[bit]):
                        block = (1 << log) - 1
                        for row, word in enumerate(moved):
                            source = (row & ~block) | ((row + (1 << bit)) & block)
                            m.d.comb += word.eq(words[source])
            words = moved
        return words
