import re

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.model.float_networks import Functional, trained
from tests.truncmac.onnx.graphs import DATA
from truncmac.golden import (
    BUILTIN_IMAGES,
    NetworkFileError,
    builtin_images,
    load,
    network_accuracy,
)
from truncmac.model.assembly import module_of
from truncmac.model.floats import lower
from truncmac.onnx.floating import float_steps
from truncmac.onnx.importing import read_graph

RNG = np.random.default_rng(0)
W = {
    "w": (4, 3, 3, 3),
    "b": (4,),
    "v": (5, 4),
    "c": (5,),
    "u": (4, 5),
    **dict.fromkeys("stmn", (4,)),
}
MEAN = ("GlobalAveragePool", ["a"], "g", {})
FLAT = ("Flatten", ["g"], "f", {})
GEMM = ("Gemm", ["f", "v", "c"], "y", {"transB": 1})
CONV = ("Conv", ["x", "w", "b"], "a", {"pads": [1, 1, 1, 1], "strides": [2, 1]})


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def saved(path, nodes, shape=("batch", 3, 8, 8)):
    info = helper.make_tensor_value_info
    tensors = [
        numpy_helper.from_array(RNG.uniform(0.1, 1, size).astype(np.float32), name)
        for name, size in W.items()
    ]
    tensors += [
        numpy_helper.from_array(np.array(values), name)
        for name, values in {
            "low": np.float32(0),
            "six": np.float32(6),
            "axes": [2, 3],
            "to": [-1, 4],
        }.items()
    ]
    graph = helper.make_graph(
        [helper.make_node(op, ins, [out], name=out, **own) for op, ins, out, own in nodes],
        "g",
        [info("x", TensorProto.FLOAT, shape)],
        [info(nodes[-1][2], TensorProto.FLOAT, None)],
        tensors,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


@pytest.mark.parametrize(
    "nodes",
    [
        [CONV, MEAN, FLAT, GEMM],
        [CONV, MEAN, FLAT, ("MatMul", ["f", "u"], "p", {}), ("Add", ["c", "p"], "y", {})],
        [CONV, ("Relu", ["a"], "r", {}), ("GlobalAveragePool", ["r"], "g", {}), FLAT, GEMM],
        [
            CONV,
            ("BatchNormalization", ["a", "s", "t", "m", "n"], "k", {"epsilon": 0.01}),
            ("Clip", ["k", "low", "six"], "r", {}),
            (
                "MaxPool",
                ["r"],
                "p",
                {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]},
            ),
            ("ReduceMean", ["p", "axes"], "f", {"keepdims": 0}),
            GEMM,
            ("LogSoftmax", ["y"], "z", {"axis": 1}),
        ],
        [
            CONV,
            ("ReduceMean", ["a", "axes"], "g", {}),
            ("Reshape", ["g", "to"], "f", {}),
            ("Dropout", ["f"], "d", {}),
            ("Gemm", ["d", "u"], "y", {"alpha": 0.5}),
        ],
    ],
)
def test_the_module_gives_what_onnx_runtime_gives(tmp_path, nodes):
    import onnxruntime

    path = saved(tmp_path / "m.onnx", nodes)
    graph, shape = float_steps(read_graph(path), path)
    assert shape == (3, 8, 8)
    images = RNG.uniform(-1, 1, (4, 3, 8, 8)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": images})
    with torch.no_grad():
        found = module_of(lower(graph))(torch.tensor(images))
    if nodes[-1][0] == "LogSoftmax":
        found = torch.log_softmax(found, 1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([CONV, ("Sigmoid", ["a"], "y", {})], "Sigmoid 'y' has no integer form. Known are Add, "),
        (
            [("Conv", ["x", "w"], "y", {"pads": [0, 0, 1, 1]})],
            "Conv 'y': pads alike on opposite sides, not [0, 0, 1, 1] (auto_pad NOTSET)",
        ),
        ([("Conv", ["x", "x"], "y", {})], "Conv 'y': its input 'x' must be a constant"),
        (
            [CONV, ("Clip", ["a", "six"], "y", {})],
            "Clip 'y': clamps to 6.0 to None; codes hold 0 to 1 or 0 to 6",
        ),
        (
            [CONV, ("Add", ["a", "b"], "y", {})],
            "Add 'y': adds a constant to something other than a product of a vector",
        ),
        (
            [CONV, ("MatMul", ["a", "u"], "y", {})],
            "MatMul 'y': only a vector times a matrix of weights has an integer form",
        ),
    ],
)
def test_what_has_no_form_is_refused_by_node(tmp_path, nodes, message):
    path = saved(tmp_path / "m.onnx", nodes)
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}"):
        float_steps(read_graph(path), path)


def test_open_sizes_of_images_are_refused(tmp_path):
    path = saved(tmp_path / "m.onnx", [CONV], ("batch", 3, "h", "w"))
    with pytest.raises(NetworkFileError, match=r"must be images .* of fixed size"):
        float_steps(read_graph(path), path)


def test_a_quantised_graph_is_no_float_graph():
    for name in ("brevitas_qonnx.onnx", "brevitas_qcdq.onnx"):
        assert float_steps(read_graph(DATA / name), DATA / name) is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_float_network_is_imported_with_its_accuracy_before_and_after(run, tmp_path):
    images, labels = builtin_images()
    module = trained(Functional(), images, labels)
    torch.onnx.export(
        module,
        (torch.zeros(1, *images.shape[1:]),),
        str(tmp_path / "net.onnx"),
        dynamo=False,
        dynamic_axes={"x": {0: "batch"}},
        input_names=["x"],
    )
    with torch.no_grad():
        classes = module(torch.tensor(images, dtype=torch.float32) / 255).argmax(1).numpy()
    share = (classes == labels).mean()
    assert share > 0.9
    data = ["--data", str(BUILTIN_IMAGES)]
    code, out, err = run("import", "net.onnx", "-k", "8,4,2", "--out", "n.safetensors", *data)
    assert (code, err) == (0, "")
    assert f"Note: The float network's accuracy on these 450 images is {share:.2%}." in out
    network = load(tmp_path / "n.safetensors")
    for k in (8, 4, 2):
        found = network_accuracy(network, images, labels, k)
        assert re.search(rf"(?m)^ {k} +\d+% +{found:.2%}", out)
        assert found > share - (0.2 if k == 2 else 0.05)
    code, _, err = run("import", "net.onnx")
    assert code == 2
    assert err == (
        "truncmac: net.onnx: is a float network; give images with --data to calibrate it on\n"
    )
