"""Small ONNX graphs for the tests, and the executor that judges what is made of them."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from truncmac.golden import NetworkFileError
from truncmac.onnx.importing import import_onnx

DATA = Path(__file__).parent / "data"
DOMAIN = "qonnx.custom_op.general"
CUSTOM = ("Quant", "BipolarQuant", "Trunc")


class Builder:
    """Nodes one after the other; each method gives the name of a tensor."""

    def __init__(self, shape, kind=TensorProto.FLOAT):
        self.nodes, self.constants, self.count = [], [], 0
        self.shape, self.kind = shape, kind

    def constant(self, value, dtype=np.float32):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, op, *inputs, name=None, **attributes):
        self.count += 1
        output = f"t{self.count}"
        domain = DOMAIN if op in CUSTOM else ""
        name = name or f"{op}_{self.count}"
        self.nodes.append(
            helper.make_node(op, inputs, [output], name=name, domain=domain, **attributes)
        )
        return output

    def quant(self, value, scale, bits, *, signed=0, zero=0.0, narrow=0, mode="ROUND", name=None):
        parts = [self.constant(part) for part in (scale, zero, bits)]
        attributes = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
        return self.node("Quant", value, *parts, name=name, **attributes)

    def model(self, output):
        graph = helper.make_graph(
            self.nodes,
            "graph",
            [helper.make_tensor_value_info("x", self.kind, self.shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            initializer=self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 2)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def save(self, output, path):
        path.write_bytes(self.model(output).SerializeToString())
        return path


def run(model, images):
    """Every tensor of the graph, by name, as qonnx computes it for images one by one."""
    if isinstance(model, onnx.ModelProto):
        model = ModelWrapper(model)
    wrapper = model.transform(InferShapes())
    name = wrapper.graph.input[0].name
    contexts = [execute_onnx(wrapper, {name: image[None]}, True) for image in images]
    return {key: np.concatenate([np.atleast_1d(c[key]) for c in contexts]) for key in contexts[0]}


def simple(change=lambda b, x: x, shape=(1, 2, 6, 6), kernel=None, **conv):
    """A quantised image, what `change` makes of it, and a convolution of 8-bit weights."""
    b = Builder(shape)
    x = change(b, b.quant("x", 1.0, 8, name="image"))
    value = np.ones((3, 2, 3, 3)) if kernel is None else kernel
    w = b.quant(b.constant(value), 1.0, 8, signed=1, name="w")
    y = b.node("Conv", x, w, name="conv", **conv)
    return b, b.quant(y, 1.0, 4, name="out")


def rest(change, *arguments, **options):
    """`simple`, and `change` behind it."""
    b, y = simple()
    return b, change(b, y, *arguments, **options)


def refused(builder, output, message, tmp_path):
    """A graph is refused with one line: the file, and then `message`."""
    path = builder.save(output, tmp_path / "graph.onnx")
    with pytest.raises(NetworkFileError, match=re.escape(message)) as error:
        import_onnx(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
