"""The layers of a workload as arrays, so that many are scheduled at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Integers
from truncmac.sim.cycles.points import Products
from truncmac.sim.workloads.shapes import LayerShape, Workload

__all__ = ["RAW_BYTES", "Layers"]

RAW_BYTES = 4  # of an output that is S itself; a code is one byte


@dataclass(frozen=True, kw_only=True)
class Layers:
    """A workload's layers: arrays along the last axis. All sizes are those of one group.

    Attributes
    ----------
    groups : number of products that a layer is made of
    rows, reduction, columns : M of all images, K and N of each product
    own_bits : the layer's own k, or 0 if it follows the network's
    raw : whether the outputs are S itself, and not codes
    residual : whether each output takes a residual code
    input_codes : activation codes of all images
    line : outputs in an output line; 1 where the layer has no window, for then each output is a
        line
    line_codes : codes in an input line
    kernel : input lines that a window covers
    stride : input lines from one output line to the next
    """

    groups: Integers
    rows: Integers
    reduction: Integers
    columns: Integers
    own_bits: Integers
    raw: npt.NDArray[np.bool_]
    residual: npt.NDArray[np.bool_]
    input_codes: Integers
    line: Integers
    line_codes: Integers
    kernel: Integers
    stride: Integers

    @classmethod
    def of(cls, workload: Workload, images: int = 1) -> "Layers":
        """The layers of a workload; a batch of `images` has as many times the rows of one.

        Raises
        ------
        ValueError
            If `images` is less than 1.
        """
        if images < 1:
            raise ValueError(f"Images must be at least 1, not {images}")
        layers = workload.layers
        return cls(
            groups=np.array([layer.groups for layer in layers]),
            rows=np.array([images * layer.rows for layer in layers]),
            reduction=np.array([layer.reduction for layer in layers]),
            columns=np.array([layer.columns for layer in layers]),
            own_bits=np.array([layer.bits or 0 for layer in layers]),
            raw=np.array([layer.raw for layer in layers]),
            residual=np.array([layer.residual for layer in layers]),
            input_codes=np.array([images * layer.input_codes // layer.groups for layer in layers]),
            **{
                name: np.array(column)
                for name, column in zip(
                    ("line", "line_codes", "kernel", "stride"),
                    zip(*map(_lines, layers), strict=True),
                    strict=True,
                )
            },
        )

    def bits(self, bits: npt.ArrayLike) -> Integers:
        """The k of each layer: its own if it has one, else the network's `bits`."""
        return np.where(self.own_bits > 0, self.own_bits, bits)

    def products(self, bits: Integers) -> Products:
        """The layers as products at `bits`, the k of each layer."""
        return Products(self.rows, self.reduction, self.columns, bits, ~self.raw)

    @property
    def output_bytes(self) -> Integers:
        """Bytes of the outputs of one group, of all images."""
        return self.rows * self.columns * np.where(self.raw, RAW_BYTES, 1)

    @property
    def macs(self) -> Integers:
        """Multiply-accumulates of all groups and images, without padding."""
        return self.groups * self.rows * self.reduction * self.columns


def _lines(layer: LayerShape) -> tuple[int, int, int, int]:
    if layer.window is None:
        return 1, layer.reduction, 1, 1
    window = layer.window
    return window.output[1], window.channels * window.width, window.kernel[0], window.stride[0]
