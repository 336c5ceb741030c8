"""Truncation unit: keeps the top k bits of the weight codes that stream past, MSB first."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TruncationUnit"]


class TruncationUnit(wiring.Component):
    """Says how many chunks hold k bits, and clears what the last of them has below bit k.

    Of the last chunk's planes, `unused` = chunks x planes - k lie below the k-th bit. They are
    cleared here, so D comes out multiplied by 2**unused. The output unit shifts it back, which is
    exact.

    Parameters
    ----------
    config : ArrayConfig

    Members
    -------
    bits : In, k, in 1..8
    last_index : Out, ceil(k / planes) - 1
    unused : Out, 0..planes - 1
    last_chunk : In, the chunk at `weights` is a beat's last
    weights : In, cols x lanes x planes bits
    truncated : Out, the same with the unused planes cleared
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "bits": In(range(9)),
                "last_index": Out(range(max(config.chunks, 2))),
                "unused": Out(range(max(config.planes, 2))),
                "last_chunk": In(1),
                "weights": In(config.weight_word_bits),
                "truncated": Out(config.weight_word_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        planes = self.config.planes
        m.d.comb += self.last_index.eq((self.bits - 1) // planes)
        m.d.comb += self.unused.eq((0 - self.bits) % planes)

        below = [self.unused > plane for plane in range(planes - 1)]  # the top one is never
        keep = Cat(*(~(self.last_chunk & unused) for unused in below), 1)
        lanes = self.config.cols * self.config.lanes
        m.d.comb += self.truncated.eq(self.weights & keep.replicate(lanes))

        return m
