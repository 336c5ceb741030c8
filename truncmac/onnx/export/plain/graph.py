"""A graph of ONNX's own operators in the making: codes are uint8, sums int32, the rest int64."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from truncmac.golden import Network, Setting, code_bits, layer_bits
from truncmac.golden.layers import sides
from truncmac.golden.types import Padding, Shape

from ..graph import OPSET, GraphWriter

__all__ = ["PlainGraph"]

BATCH = "images"  # the name of a batch whose size is open
KINDS: Mapping[int, type[np.generic]] = {
    TensorProto.UINT8: np.uint8,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
    TensorProto.UINT64: np.uint64,
}


class PlainGraph(GraphWriter):
    """Collects the graph of a network; every layer's output is a tensor of its name.

    Attributes
    ----------
    widths : k of the weights and k of the parameters of each layer of weights, by layer name
    """

    def __init__(self, network: Network, setting: Setting) -> None:
        self.widths = layer_bits(network, setting.bits)
        super().__init__(network, max(network.bit_widths), BATCH)
        self.largest = {name: (1 << bits) - 1 for name, bits in code_bits(network).items()}
        self.values = {name: name for name in self.shapes}
        self._setting = setting

    def plain_model(self, outputs: Collection[str]) -> onnx.ModelProto:
        """The whole model, which gives the outputs of these layers."""
        model = self.assembled(TensorProto.UINT8, outputs, {"": OPSET})
        model.metadata_props[0].value = self._setting.name
        return model

    def number(self, value: int, kind: int) -> str:
        """A constant of one number, which all layers share."""
        dtype = np.dtype(KINDS[kind])
        return self.constant(f"const/{dtype.name}_{value}", value, KINDS[kind])

    def vector(self, values: npt.ArrayLike) -> str:
        """A constant of int64 numbers that place and size things, which all layers share."""
        text = "_".join(map(str, np.ravel(values).tolist()))
        return self.constant(f"const/sizes_{text}", values, np.int64)

    def to(
        self, name: str, op: str, inputs: Sequence[str], shape: Shape, kind: int, **attributes: Any
    ) -> str:
        """A node whose output has a free name made of `name`."""
        return self.node(self.free(name), op, inputs, shape, kind, **attributes)

    def codes(self, name: str, value: str, shape: Shape) -> str:
        """Whole numbers that fit a code, as the codes that the layer `name` gives."""
        kind = TensorProto.UINT8
        return self.node(name, "Cast", [value], shape, kind, name=name, to=kind)

    def padded(self, owner: str, value: str, shape: Shape, pads: Sequence[int], code: int) -> str:
        """A Pad of codes to `shape`; `pads` are ONNX's."""
        inputs = [value, self.vector(pads), self.number(code, TensorProto.UINT8)]
        return self.to(f"{owner}/padded", "Pad", inputs, shape, TensorProto.UINT8, mode="constant")

    def border(self, owner: str, value: str, before: Shape, padding: Padding, code: int) -> str:
        """An image of shape `before` with `code` around it, for the layer `owner`."""
        (top, left, bottom, right), (channels, height, width) = sides(padding), before
        shape = (channels, height + top + bottom, width + left + right)
        return self.padded(owner, value, shape, [0, 0, top, left, 0, 0, bottom, right], code)
