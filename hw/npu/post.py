"""Means and shortcuts: what passes from map to map without weights, a word at a time."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..config import ACTIVATION_BITS
from ..delays import register
from .memory import place_layout
from .place import SIZE_BITS, map_layout, pixel_layout, word_place

__all__ = ["PostProcessor", "post_layout"]

SUM_BITS = 24  # of 255 x 255 codes
POSITION_BITS = 20  # of a window's first column or row: up to 65534 x 15


def post_layout():
    """A POOL of means, or a SHORTCUT: the fields of a descriptor, and its input's place.

    mean : the mean of each window; else its sum
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
        }
    )


class PostProcessor(wiring.Component):
    """Reads the taps of each window, and writes a word of its output.

    A tap takes a cycle, a word one more, and a mean one for each lane. Outside the input it takes
    the pad code, and 0 at or above its channels.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    operations : In, stream of `post_layout()`; taken with its last word
    read, read_place, read_answer : of the activation memory
    pixel : Out, `pixel_layout()` of the output, of whose word the last tap is taken
    places : Out, what is written from the next cycle on lies there
    write, write_given, write_ready : to the activation memory
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "operations": In(stream.Signature(post_layout())),
                "read": Out(1),
                "read_place": Out(place_layout(config)),
                "read_answer": In(config.pe_activation_bits),
                "pixel": Out(pixel_layout()),
                "places": Out(1),
                "write": Out(config.lanes),
                "write_given": Out(config.pe_activation_bits),
                "write_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        operation = self.operations.p
        sums = [Signal(SUM_BITS, name=f"sum_{lane}") for lane in range(self.config.lanes)]
        taps = {axis: self._tap(m, axis) for axis in "xy"}
        step, taken = Signal(), Signal()  # a tap is read; the one before is taken
        first, last, done = self._walk(m, taps, step)
        held = Signal()  # a tap is read, and not taken
        whole, divided, written = Signal(), Signal(), Signal()  # the sums are a word's; its means
        ended = Signal()  # all taps are read
        inside = taps["x"]["inside"] & taps["y"]["inside"]
        m.d.comb += [
            written.eq(whole & (~operation.mean | divided) & self.write_ready),
            taken.eq(held & ~whole),  # a read must not depend on whether a write takes place
            step.eq(self.operations.valid & ~ended & (~held | taken)),
            self.read.eq(step & inside),
            self.operations.ready.eq(ended & ~held & written),
        ]
        m.d.sync += held.eq(step | (held & ~taken))
        with m.If(step & done):
            m.d.sync += ended.eq(1)
        with m.Elif(self.operations.ready):
            m.d.sync += ended.eq(0)
        tap = register(m, Cat(first, last, inside), step, name="tap")
        pixel = Cat(taps["x"]["pixel"], taps["y"]["pixel"], taps["block"])
        m.d.comb += [
            self.pixel.eq(register(m, pixel, step, name="pixel_read")),
            self.places.eq(taken & tap[1]),
        ]
        with m.If(taken):
            self._take(m, sums, self.pixel.block << exact_log2(self.config.lanes), tap[2], tap[0])
        with m.If(self.places):
            m.d.sync += [whole.eq(1), divided.eq(0)]
        with m.Elif(written):
            m.d.sync += whole.eq(0)
        with m.If(whole & operation.mean & ~divided):
            m.d.sync += divided.eq(self._divide(m, sums))
        self._write(m, sums, whole & (~operation.mean | divided))
        return m

    def _write(self, m, sums, ready):
        """Write a word from the cycle after its last tap was taken until it is in its bank."""
        channel = register(m, self.pixel.block, self.places, name="block_written")
        lanes = self.config.lanes
        known = Cat(
            (channel * lanes + lane) < self.operations.p.output_channels for lane in range(lanes)
        )
        m.d.comb += [
            self.write.eq(Mux(ready, known, 0)),
            self.write_given.eq(Cat(total[:ACTIVATION_BITS] for total in sums)),
        ]

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

    def _walk(self, m, taps, step):
        """Move from tap to tap and word to word.

        Returns whether a tap is its word's first, its last, and the operation's last.
        """
        operation, lanes = self.operations.p, self.config.lanes
        lane_bits = exact_log2(lanes)
        taps["block"] = block = Signal(SIZE_BITS)
        x, y = taps["x"], taps["y"]
        ends_row = x["tap"] == operation.kernel_x - 1
        last = ends_row & (y["tap"] == operation.kernel_y - 1)
        with m.If(step):
            m.d.sync += x["tap"].eq(Mux(ends_row, 0, x["tap"] + 1))
            with m.If(ends_row):
                m.d.sync += y["tap"].eq(Mux(last, 0, y["tap"] + 1))
        ends_pixel = ((block + 1) << lane_bits) >= operation.output_channels
        ends_line = x["pixel"] == operation.output_width - 1
        ends_map = y["pixel"] == operation.output_height - 1
        with m.If(step & last):
            m.d.sync += block.eq(Mux(ends_pixel, 0, block + 1))
            for axis, moves, ends in (("x", ends_pixel, ends_line), ("y", ends_line, ends_map)):
                stride = operation[f"stride_{axis}"]
                with m.If(ends_pixel & moves):
                    m.d.sync += taps[axis]["pixel"].eq(Mux(ends, 0, taps[axis]["pixel"] + 1))
                    m.d.sync += taps[axis]["begin"].eq(Mux(ends, 0, taps[axis]["begin"] + stride))
        at = (axis["position"].as_unsigned()[:SIZE_BITS] for axis in (x, y))
        found = word_place(m, self.config, operation.input, *at, block, name="input_word")
        m.d.comb += self.read_place.eq(found)
        first = (x["tap"] == 0) & (y["tap"] == 0)
        return first, last, last & ends_pixel & ends_line & ends_map

    def _take(self, m, sums, channel, inside, first):
        """Add the codes that were read; `channel` is the first lane's."""
        operation = self.operations.p
        for lane, total in enumerate(sums):
            code, before = Signal(ACTIVATION_BITS), Signal(SUM_BITS)
            known = (channel + lane) < operation.input_channels
            answer = self.read_answer.word_select(lane, ACTIVATION_BITS)
            m.d.comb += [
                code.eq(Mux(known, Mux(inside, answer, operation.pad_code), 0)),
                before.eq(Mux(first, 0, total)),
            ]
            m.d.sync += total.eq(before + code)

    def _divide(self, m, sums):
        """Make the mean of the next lane's sum: (2 sum + n) x reciprocal >> shift.

        Returns whether it is the last lane's.
        """
        operation, lane = self.operations.p, Signal(range(max(len(sums), 2)))
        last = lane == len(sums) - 1
        m.d.sync += lane.eq(Mux(last, 0, lane + 1))
        total, product = Signal(SUM_BITS), Signal(52)
        for index, each in enumerate(sums):
            with m.If(lane == index):
                m.d.comb += total.eq(each)
                m.d.sync += each.eq((product >> operation.shift)[:ACTIVATION_BITS])
        doubled = (total << 1) + operation.kernel_x * operation.kernel_y
        m.d.comb += product.eq(doubled * operation.reciprocal)
        return last
