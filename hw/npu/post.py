"""Pools and shortcuts: what passes from map to map without weights."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from .memory import place_layout
from .place import SIZE_BITS, map_layout, word_place

__all__ = ["PostProcessor", "post_layout"]

SUM_BITS = 24  # of 255 x 255 codes
POSITION_BITS = 20  # of a window's first column or row: up to 65534 x 15


def post_layout():
    """POOL or SHORTCUT: the fields of a descriptor, and both maps' places.

    mean : the mean of each window; else its largest code
    A shortcut is a window of one pixel.
    """
    return data.StructLayout(
        {
            **dict.fromkeys(
                (
                    f"{side}_{size}"
                    for side in ("input", "output")
                    for size in ("width", "height", "channels")
                ),
                SIZE_BITS,
            ),
            **dict.fromkeys(("kernel_x", "kernel_y", "pad_left", "pad_code"), 8),
            "pad_top": signed(8),
            **dict.fromkeys(("stride_x", "stride_y"), 4),
            "mean": 1,
            "reciprocal": 26,
            "shift": 6,
            "input": map_layout(),
            "output": map_layout(),
        }
    )


class PostProcessor(wiring.Component):
    """Reads the taps of each window, and writes a word of its output.

    A tap takes two cycles, a mean a cycle more for each lane. Outside the input it takes the pad
    code, and 0 at or above its channels.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    operations : In, stream of `post_layout()`; taken with its last word
    read, read_place, read_answer : of the activation memory
    write, write_place, write_given, write_ready : the same
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "operations": In(stream.Signature(post_layout())),
                "read": Out(1),
                "read_place": Out(place_layout(config)),
                "read_answer": In(config.pe_activation_bits),
                "write": Out(config.lanes),
                "write_place": Out(place_layout(config)),
                "write_given": Out(config.pe_activation_bits),
                "write_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, operation = self.config.lanes, self.operations.p
        sums = [Signal(SUM_BITS, name=f"sum_{lane}") for lane in range(lanes)]
        lane = Signal(range(lanes))
        next_tap, next_word = Signal(), Signal()
        taps = {axis: self._tap(m, axis) for axis in "xy"}
        first, last, done = self._walk(m, taps, next_tap, next_word)
        inside = taps["x"]["inside"] & taps["y"]["inside"]
        with m.FSM():
            with m.State("READ"):
                m.d.comb += self.read.eq(self.operations.valid & inside)
                with m.If(self.operations.valid):
                    m.next = "TAKE"
            with m.State("TAKE"):
                self._take(m, sums, taps["block"] * lanes, inside, first)
                m.d.comb += next_tap.eq(1)
                m.next = "READ"
                with m.If(last):
                    m.next = "WRITE"
                    with m.If(operation.mean):
                        m.next = "DIVIDE"
            with m.State("DIVIDE"):
                self._divide(m, sums, lane)
                m.d.sync += lane.eq(lane + 1)
                with m.If(lane == lanes - 1):
                    m.d.sync += lane.eq(0)
                    m.next = "WRITE"
            with m.State("WRITE"):
                channel = taps["block"] * lanes
                known = Cat((channel + index) < operation.output_channels for index in range(lanes))
                m.d.comb += self.write.eq(known)
                m.d.comb += self.write_given.eq(Cat(total[:ACTIVATION_BITS] for total in sums))
                with m.If(self.write_ready):
                    m.d.comb += next_word.eq(1)
                    m.d.comb += self.operations.ready.eq(done)
                    m.next = "READ"
        return m

    def _tap(self, m, axis):
        """Registers of an axis: output pixel, where its window begins, and tap; its position."""
        operation = self.operations.p
        pad, size = {"x": ("left", "width"), "y": ("top", "height")}[axis]
        found = {
            "pixel": Signal(SIZE_BITS, name=f"pixel_{axis}"),
            "begin": Signal(POSITION_BITS, name=f"begin_{axis}"),
            "tap": Signal(8, name=f"tap_{axis}"),
            "inside": Signal(name=f"inside_{axis}"),
            "position": Signal(signed(POSITION_BITS + 1), name=f"position_{axis}"),
        }
        position = found["position"]
        m.d.comb += position.eq(found["begin"] + found["tap"] - operation[f"pad_{pad}"])
        m.d.comb += found["inside"].eq((position >= 0) & (position < operation[f"input_{size}"]))
        return found

    def _walk(self, m, taps, next_tap, next_word):
        """Move from tap to tap and word to word; whether a tap is the first or last, a word too."""
        operation, lanes = self.operations.p, self.config.lanes
        lane_bits = exact_log2(lanes)
        taps["block"] = block = Signal(SIZE_BITS)
        x, y = taps["x"], taps["y"]
        ends_row = x["tap"] == operation.kernel_x - 1
        last = ends_row & (y["tap"] == operation.kernel_y - 1)
        with m.If(next_tap):
            m.d.sync += x["tap"].eq(Mux(ends_row, 0, x["tap"] + 1))
            with m.If(ends_row):
                m.d.sync += y["tap"].eq(Mux(last, 0, y["tap"] + 1))
        ends_pixel = ((block + 1) << lane_bits) >= operation.output_channels
        ends_line = x["pixel"] == operation.output_width - 1
        ends_map = y["pixel"] == operation.output_height - 1
        with m.If(next_word):
            m.d.sync += block.eq(Mux(ends_pixel, 0, block + 1))
            for axis, step, ends in (("x", ends_pixel, ends_line), ("y", ends_line, ends_map)):
                stride = operation[f"stride_{axis}"]
                with m.If(ends_pixel & step):
                    m.d.sync += taps[axis]["pixel"].eq(Mux(ends, 0, taps[axis]["pixel"] + 1))
                    m.d.sync += taps[axis]["begin"].eq(Mux(ends, 0, taps[axis]["begin"] + stride))
        for name, where, column, row, place in (
            ("input_word", operation.input, x["position"], y["position"], self.read_place),
            ("output_word", operation.output, x["pixel"], y["pixel"], self.write_place),
        ):
            at = (part.as_unsigned()[:SIZE_BITS] for part in (column, row))
            m.d.comb += place.eq(word_place(m, self.config, where, *at, block, name=name))
        first = (x["tap"] == 0) & (y["tap"] == 0)
        return first, last, ends_pixel & ends_line & ends_map

    def _take(self, m, sums, channel, inside, first):
        """Add the codes that were read, or keep the larger ones; `channel` is the first lane's."""
        operation = self.operations.p
        for lane, total in enumerate(sums):
            code, before = Signal(ACTIVATION_BITS), Signal(SUM_BITS)
            known = (channel + lane) < operation.input_channels
            answer = self.read_answer.word_select(lane, ACTIVATION_BITS)
            m.d.comb += [
                code.eq(Mux(known, Mux(inside, answer, operation.pad_code), 0)),
                before.eq(Mux(first, 0, total)),
            ]
            larger = Mux(code > before, code, before)
            m.d.sync += total.eq(Mux(operation.mean, before + code, larger))

    def _divide(self, m, sums, lane):
        """Make the mean of a lane's sum: (2 sum + n) x reciprocal >> shift."""
        operation = self.operations.p
        total, product = Signal(SUM_BITS), Signal(52)
        for index, each in enumerate(sums):
            with m.If(lane == index):
                m.d.comb += total.eq(each)
                m.d.sync += each.eq((product >> operation.shift)[:ACTIVATION_BITS])
        doubled = (total << 1) + operation.kernel_x * operation.kernel_y
        m.d.comb += product.eq(doubled * operation.reciprocal)
