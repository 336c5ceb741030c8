"""Reads the codes that a convolution adds, a row of a tile after the other."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..delays import register
from .memory import port_names, reading_members
from .place import PHASE_BITS, SIZE_BITS, map_layout, word_place
from .prefetch import ReadAhead
from .rows import RowWalk, outputs_layout, pixels

__all__ = ["ResidualReader", "residual_layout"]


def residual_layout():
    """What a convolution adds, and the log2 of the strides with which its pixels are read."""
    return data.StructLayout(
        {
            "where": map_layout(),
            "channels": SIZE_BITS,
            **dict.fromkeys(("shift_x", "shift_y"), PHASE_BITS),
        }
    )


class ResidualReader(wiring.Component):
    """Gives a word of residual codes for each row of each tile, or for the rows that leave at once.

    Rows outside the output get zeros, and so do channels that the residual lacks.

    It reads ahead, and as many words of a row in a cycle as it has ports. These lie in the same
    bank, so each port goes on behind the one before: it reads a word of an earlier row meanwhile.
    Rows that leave at once have ports of their own.

    Parameters
    ----------
    config : ArrayConfig, whose rows, columns and lanes are powers of two

    Members
    -------
    outputs : In, stream of `outputs_layout()`; taken when the last row is asked for
    residual : In, `residual_layout()`
    read... : `reading_members(config)`
    residuals : Out, stream of cols x 8 bits for each row that leaves at once
    """

    def __init__(self, config):
        self.config = config
        self.names = port_names(config, "read")
        self.columns = min(config.cols, config.lanes)  # of a row, in a word
        self.words = len(self.names) // config.rows_at_once  # of a row that are read at once
        self.steps = config.cols // (self.columns * self.words)  # for a row
        super().__init__(
            {
                "outputs": In(stream.Signature(outputs_layout())),
                "residual": In(residual_layout()),
                **reading_members(config),
                "residuals": Out(stream.Signature(config.residual_word_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = RowWalk(self.config, together=self.config.rows_at_once)
        wiring.connect(m, wiring.flipped(self.outputs), walk.outputs)
        ports = [self._port(m, number) for number in range(len(self.names))]
        index = Signal(range(max(self.steps, 2)))  # of the words of the row that are asked for
        last, step = index == self.steps - 1, Signal()
        m.d.comb += step.eq(walk.rows.valid & Cat(port.words.ready for port in ports).all())
        with m.If(step):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
        m.d.comb += walk.rows.ready.eq(step & last)
        first = Signal(SIZE_BITS + 1)  # channel of the first word's first code
        m.d.comb += first.eq(walk.rows.p.channel + index * (self.columns * self.words))
        rows = pixels(walk.rows.p, self.config.rows_at_once)
        places = [
            self._place(m, x, y, first, f"_of_{index}" if index else "")
            for index, (x, y, _) in enumerate(rows)
        ]
        low, high = exact_log2(self.columns), exact_log2(self.config.lanes)
        for number, port in enumerate(ports):
            others = Cat(other.words.ready for other in ports if other is not port)
            index, word = divmod(number, self.words)
            place, inside = places[index], rows[index][2]
            channel = first + word * self.columns
            m.d.comb += [
                port.words.valid.eq(walk.rows.valid & others.all()),
                port.words.p.place.eq(place),
                port.words.p.place.address.eq(place.address + word),
                port.words.p.part.eq(channel[low:high]),
                port.words.p.wanted.eq(self._wanted(inside, channel)),
            ]
        self._gather(m, ports)
        return m

    def _port(self, m, number):
        """Connect a port. What it reads may wait for a bank, and its codes for the ports after it.

        The queues have room for a port that goes on two words behind the one before.
        """
        name, after = self.names[number], len(self.names) - 1 - number
        asked, answered = (2 * count + 1 if count else 0 for count in (number, after))
        port = ReadAhead(self.config, asked=asked, answered=answered)
        m.submodules[f"port_{number}"] = port
        ready = getattr(self, f"{name}_ready") if number else 1
        m.d.comb += [
            getattr(self, name).eq(port.read),
            getattr(self, f"{name}_place").eq(port.read_place),
            port.read_answer.eq(getattr(self, f"{name}_answer")),
            port.read_ready.eq(ready),
        ]
        return port

    def _place(self, m, x, y, channel, suffix):
        """The place of the residual word that holds a channel of a row's pixel."""
        residual, block = self.residual, channel >> exact_log2(self.config.lanes)
        x, y = x << residual.shift_x, y << residual.shift_y
        name = f"residual_word{suffix}"
        return word_place(m, self.config, residual.where, x, y, block, name=name)

    def _wanted(self, inside, channel):
        """Which codes of a row the residual has, of those from a channel on; a bit for each."""
        channels = (channel + column for column in range(self.columns))
        known = Cat(each < self.residual.channels for each in channels)
        return Mux(inside, known, 0)

    def _gather(self, m, ports):
        """Join the codes of a row; the last ones come straight from the ports."""
        codes = Cat(port.codes.payload for port in ports)
        index = Signal(range(max(self.steps, 2)))  # of the codes of the row that are here
        whole, step = index == self.steps - 1, Signal()
        present = Cat(port.codes.valid for port in ports).all()
        m.d.comb += [
            self.residuals.valid.eq(present & whole),
            step.eq(present & (~whole | self.residuals.ready)),
            *(port.codes.ready.eq(step) for port in ports),
        ]
        with m.If(step):
            m.d.sync += index.eq(Mux(whole, 0, index + 1))
        kept = []
        for number in range(self.steps - 1):
            kept.append(register(m, codes, step & (index == number), name=f"codes_{number}"))
        m.d.comb += self.residuals.payload.eq(Cat(*kept, codes))
