"""Gives the core the words of a convolution, in the way that its strides allow."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring

from .pixels import PixelReader
from .walk import reader_members
from .window import WindowReader

__all__ = ["Im2col"]


class Im2col(wiring.Component):
    """A word a cycle where the strides are those of the map's layout, else pixel by pixel.

    A stride matters only where there is more than one window along its axis.

    Parameters
    ----------
    config : ArrayConfig, whose rows and lanes are powers of two

    Members
    -------
    As of `WindowReader`.
    """

    def __init__(self, config):
        self.config = config
        super().__init__(reader_members(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.windows = windows = WindowReader(self.config)
        m.submodules.pixels = pixels = PixelReader(self.config)
        window, crosses = self.windows.p, Signal()
        m.d.comb += crosses.eq(
            ((window.stride_x != 1 << window.phase_x[:2]) & (window.output_width != 1))
            | ((window.stride_y != 1 << window.phase_y[:2]) & (window.output_height != 1))
        )
        for reader, chosen in ((windows, ~crosses), (pixels, crosses)):
            m.d.comb += [
                reader.windows.payload.eq(self.windows.payload),
                reader.windows.valid.eq(self.windows.valid & chosen),
                reader.words.ready.eq(self.words.ready & chosen),
                reader.answers.eq(self.answers),
            ]
        for ours, one, other in (
            (self.words.payload, windows.words.payload, pixels.words.payload),
            (self.words.valid, windows.words.valid, pixels.words.valid),
            (self.windows.ready, windows.windows.ready, pixels.windows.ready),
            (self.read, windows.read, pixels.read),
            (self.addresses, windows.addresses, pixels.addresses),
        ):
            m.d.comb += ours.eq(Mux(crosses, other, one))
        return m
