"""Workloads: the matrix products of a network's layers, by shape alone."""

from dataclasses import dataclass

from truncmac.golden import output_size
from truncmac.golden.types import Pair

__all__ = ["LayerShape", "Window", "Workload"]


@dataclass(frozen=True)
class Window:
    """What a convolution reads: codes (channels, height, width) through a sliding window."""

    channels: int
    height: int
    width: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)

    @property
    def output(self) -> Pair:
        """Height and width of the outputs."""
        return output_size((self.height, self.width), self.kernel, self.stride, self.padding)


@dataclass(frozen=True)
class LayerShape:
    """One layer of weights as the array runs it: M x K by K x N, for each group of channels.

    Attributes
    ----------
    name : of the layer
    rows : M of one image: output pixels
    reduction : K, of one group
    columns : N: output channels, of one group
    bits : k of its own, or None: it follows the network's
    raw : its outputs are S itself, and not codes
    residual : each output takes a residual code
    window : where the rows of one group come from, if from a convolution; without one they are
        M x K codes
    groups : products of this shape that the layer is made of, each with inputs and weights of
        its own: 1, but for grouped and depthwise convolutions
    """

    name: str
    rows: int
    reduction: int
    columns: int
    bits: int | None = None
    raw: bool = False
    residual: bool = False
    window: Window | None = None
    groups: int = 1

    def __post_init__(self) -> None:
        sizes = {"M": self.rows, "K": self.reduction, "N": self.columns, "groups": self.groups}
        for what, value in sizes.items():
            if value < 1:
                raise ValueError(f"Layer {self.name!r} must have {what} of at least 1, not {value}")

    @classmethod
    def conv2d(
        cls,
        name: str,
        window: Window,
        columns: int,
        *,
        bits: int | None = None,
        raw: bool = False,
        residual: bool = False,
        groups: int = 1,
    ) -> "LayerShape":
        """A convolution with `columns` output channels; window and columns are of one group.

        Raises
        ------
        ValueError
            If the window does not fit the image.
        """
        height, width = window.output
        if min(height, width) < 1:
            raise ValueError(f"Layer {name!r} must have at least one output, not {window.output}")
        reduction = window.channels * window.kernel[0] * window.kernel[1]
        return cls(name, height * width, reduction, columns, bits, raw, residual, window, groups)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return self.groups * self.rows * self.reduction * self.columns

    @property
    def input_codes(self) -> int:
        """Activation codes of one image, each counted once."""
        if self.window is None:
            return self.groups * self.rows * self.reduction
        return self.groups * self.window.channels * self.window.height * self.window.width

    def at(self, bits: int) -> int:
        """Its k when the network's is `bits`."""
        return self.bits or bits


@dataclass(frozen=True)
class Workload:
    """The layers of weights of a network, in the order in which they run."""

    name: str
    layers: tuple[LayerShape, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError(f"Workload {self.name!r} must have at least one layer of weights")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(layer.macs for layer in self.layers)
