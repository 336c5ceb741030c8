"""Workloads: the matrix products of a network's layers, by their shapes alone."""

from dataclasses import KW_ONLY, dataclass

from truncmac.golden import output_size
from truncmac.golden.types import Padding, Pair

__all__ = ["LayerShape", "LeftOut", "Window", "Workload"]


@dataclass(frozen=True)
class Window:
    """The input of a convolution and the window that slides over it.

    Attributes
    ----------
    channels, height, width : codes of the input, of one group
    kernel, stride, padding, dilation : vertical and horizontal, in codes; see `Conv2d`
    """

    channels: int
    height: int
    width: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Padding = (0, 0)
    dilation: Pair = (1, 1)

    @property
    def output(self) -> Pair:
        """Height and width of the output."""
        size = (self.height, self.width)
        return output_size(size, self.kernel, self.stride, self.padding, self.dilation)


@dataclass(frozen=True)
class LayerShape:
    """A layer of weights as the array runs it: M x K by K x N, for each group of channels.

    Attributes
    ----------
    rows : M of one image: its output pixels
    reduction : K of one group
    columns : N: the output channels of one group
    bits : the layer's own bit-width k, or None if it follows the network's
    raw : whether the outputs are S itself, and not codes
    residual : whether each output takes a residual code
    window : what the rows of one group are read through, if this is a convolution; None: the
        input is M x K codes
    groups : number of products of this shape that the layer is made of, each with its own inputs
        and weights; more than 1 in grouped and depthwise convolutions only
    """

    name: str
    rows: int
    reduction: int
    columns: int
    _: KW_ONLY
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
        """Make a convolution; `window` and its output channels, `columns`, are those of one group.

        Raises
        ------
        ValueError
            If the window does not fit the image.
        """
        height, width = window.output
        if min(height, width) < 1:
            raise ValueError(f"Layer {name!r} must have at least one output, not {window.output}")
        reduction = window.channels * window.kernel[0] * window.kernel[1]
        return cls(
            name,
            height * width,
            reduction,
            columns,
            bits=bits,
            raw=raw,
            residual=residual,
            window=window,
            groups=groups,
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return self.groups * self.rows * self.reduction * self.columns

    @property
    def input_codes(self) -> int:
        """Activation codes of one image, each of them counted once."""
        if self.window is None:
            return self.groups * self.rows * self.reduction
        return self.groups * self.window.channels * self.window.height * self.window.width

    def at(self, bits: int) -> int:
        """The layer's bit-width: its own if it has one, else the network's `bits`."""
        return self.bits or bits


@dataclass(frozen=True)
class LeftOut:
    """What of a network is not in its workload, though it multiplies.

    Attributes
    ----------
    name, operation : its own name, and what it is
    why : why it is no layer of weights here
    macs : multiply-accumulates of one image; None if they are not known
    """

    name: str
    operation: str
    why: str
    macs: int | None


@dataclass(frozen=True)
class Workload:
    """The layers of weights of a network, in the order in which they run.

    Attributes
    ----------
    left_out : what else multiplies, as far as the source of the workload tells
    """

    name: str
    layers: tuple[LayerShape, ...]
    left_out: tuple[LeftOut, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError(f"Workload {self.name!r} must have at least one layer of weights")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(layer.macs for layer in self.layers)
