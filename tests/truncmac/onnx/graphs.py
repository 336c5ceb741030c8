"""Small ONNX graphs for the tests, and the executor that judges what is made of them."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

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
