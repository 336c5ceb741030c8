"""An ONNX graph in the making: nodes, constants, and the shapes of what lies between."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from truncmac.golden import IMAGE, Network, shapes
from truncmac.golden.layers import sides
from truncmac.golden.types import Array, Padding, Shape

__all__ = ["DOMAIN", "OPSET", "GraphWriter", "column"]

DOMAIN = "qonnx.custom_op.general"
OPSET, DOMAIN_OPSET, IR_VERSION = 13, 2, 8  # Trunc with an output scale is in version 2


class GraphWriter:
    """Collects the graph of a network at one k; the methods return names of tensors.

    Attributes
    ----------
    network, bits, batch : what is written, its k, and how many images the graph takes; a name as
        the batch leaves their number open
    shapes : of the image and each layer's output, without the batch, by layer name
    largest : the largest code of the image and of each layer, by layer name
    values : the tensor that holds a layer's output, by layer name
    metadata : entries of the file beside the graph, by name
    """

    def __init__(self, network: Network, bits: int, batch: int | str) -> None:
        self.network, self.bits, self.batch = network, bits, batch
        self.shapes = shapes(network)
        self.largest = {IMAGE: (1 << network.image.bits) - 1}
        self.values: dict[str, str] = {}
        self.metadata = {"truncmac_k": str(bits)}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._infos: dict[str, onnx.ValueInfoProto] = {}
        self._taken = {IMAGE, *self.shapes}

    def model(self) -> onnx.ModelProto:
        """The whole model; its output is that of the network's last layer."""
        domains = {"": OPSET, DOMAIN: DOMAIN_OPSET}
        return self.assembled(TensorProto.FLOAT, [self.network.layers[-1].name], domains)

    def assembled(
        self, kind: int, outputs: Collection[str], domains: Mapping[str, int]
    ) -> onnx.ModelProto:
        """The whole model.

        Parameters
        ----------
        kind : the image's type, as in TensorProto
        outputs : names of the tensors that it gives
        domains : version of each domain whose operators it uses
        """
        shape = (self.batch, *self.shapes[IMAGE])
        graph = helper.make_graph(
            self._nodes,
            self.network.name,
            [helper.make_tensor_value_info(IMAGE, kind, shape)],
            [self._infos[name] for name in outputs],
            initializer=list(self._constants.values()),
            value_info=[info for name, info in self._infos.items() if name not in outputs],
        )
        opsets = [helper.make_opsetid(*domain) for domain in domains.items()]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="truncmac"
        )
        for key, value in self.metadata.items():
            model.metadata_props.add(key=key, value=value)
        return model

    def free(self, name: str) -> str:
        """A tensor's name that is still free, made of `name`."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def constant(self, name: str, value: npt.ArrayLike, dtype: type[np.generic]) -> str:
        """A constant; the first of a name serves all that ask for it."""
        name = self.free(name) if name not in self._constants else name
        if name not in self._constants:
            array = np.ascontiguousarray(value, dtype).reshape(np.shape(value))
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def scalars(self, *values: tuple[str, float]) -> list[str]:
        """float32 constants of one number each, which all layers share, by name and value."""
        return [self.constant(f"const/{name}", value, np.float32) for name, value in values]

    def node(
        self,
        output: str,
        op: str,
        inputs: Sequence[str],
        shape: Shape,
        kind: int = TensorProto.FLOAT,
        *,
        whole: bool = False,
        name: str | None = None,
        **attributes: Any,
    ) -> str:
        """Add a node that gives `output`.

        Parameters
        ----------
        shape : of the output, without the batch unless `whole`
        kind : its type, as in TensorProto
        name : of the node, if it is not made of operation and output
        """
        domain = DOMAIN if op in ("Quant", "Trunc") else ""
        name = name or f"{op}_{output}"
        self._nodes.append(helper.make_node(op, inputs, [output], name=name, domain=domain))
        self._nodes[-1].attribute.extend(
            helper.make_attribute(key, value) for key, value in sorted(attributes.items())
        )
        sizes: tuple[int | str, ...] = shape if whole else (self.batch, *shape)
        self._infos[output] = helper.make_tensor_value_info(output, kind, sizes)
        return output

    def cast(self, name: str, value: str, shape: Shape, kind: int) -> str:
        """`value` as another type, under a free name made of `name`."""
        return self.node(self.free(name), "Cast", [value], shape, kind, to=kind)

    def double(self, name: str, op: str, inputs: Sequence[str], shape: Shape) -> str:
        """A node of float64 numbers, its output under a free name made of `name`."""
        return self.node(self.free(name), op, inputs, shape, TensorProto.DOUBLE)

    def quant(self, output: str, value: str, shape: Shape, bits: int, rounding: str) -> str:
        """A Quant to unsigned codes of `bits` and scale 1."""
        inputs = [value, *self.scalars(("one", 1), ("zero", 0), (f"bits_{bits}", bits))]
        return self.node(output, "Quant", inputs, shape, signed=0, narrow=0, rounding_mode=rounding)

    def bordered(self, owner: str, value: str, before: Shape, padding: Padding, code: int) -> str:
        """An image of shape `before` with `code` around it, for the layer `owner`."""
        (top, left, bottom, right), (channels, height, width) = sides(padding), before
        shape = (channels, height + top + bottom, width + left + right)
        pads = [0, 0, top, left, 0, 0, bottom, right]
        return self.pad(self.free(f"{owner}/padded"), value, shape, pads, owner=owner, code=code)

    def pad(
        self,
        output: str,
        value: str,
        shape: Shape,
        pads: Sequence[int],
        *,
        owner: str,
        code: int = 0,
        name: str | None = None,
    ) -> str:
        """A Pad with `code`; `pads` are ONNX's, and constants are named after the layer `owner`."""
        sizes = self.constant(self.free(f"{owner}/pads"), pads, np.int64)
        inputs = [value, sizes, *self.scalars((f"code_{code}", code))]
        return self.node(output, "Pad", inputs, shape, name=name, mode="constant")


def column(values: Array, shape: Shape) -> Array:
    """Values (O,) so that they meet an output of `shape`, (O, H, W) or (O,), by channel."""
    return values.reshape(-1, 1, 1) if len(shape) == 3 else values
