import json
import re
from contextlib import suppress

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from truncmac.golden import NetworkFileError, Setting, example_network
from truncmac.model.networks import ImageShape, build
from truncmac.onnx.export.plain.model import plain_model
from truncmac.onnx.export.qonnx import qonnx_model
from truncmac.onnx.workload import onnx_workload
from truncmac.sim.workloads.names import network_workload
from truncmac.sim.workloads.shapes import LayerShape, Window
from truncmac.sim.workloads.tracing import torch_workload

EXPORTS = pytest.mark.filterwarnings(  # of PyTorch's older exporter, which needs no other package
    "ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning"
)


def saved(path, nodes, inputs, weights, outputs=("y",)):
    """A graph of float nodes, as a file."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(op, ins, outs, name=name, **own) for name, op, ins, outs, own in nodes],
        "g",
        [info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.zeros(s, np.float32), name) for name, s in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def one_conv(tmp_path, image, weights, **own):
    nodes = [("c", "Conv", ["x", "w"], ["y"], own)]
    (layer,) = onnx_workload(saved(tmp_path / "m.onnx", nodes, {"x": image}, {"w": weights})).layers
    return layer


def exported(path, module, shape):
    options = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}, "dynamo": False}
    torch.onnx.export(module.eval(), (torch.rand(1, *shape),), str(path), **options)
    return path


def sizes(workload):
    return [(layer.rows, layer.reduction, layer.columns, layer.groups) for layer in workload.layers]


def windows(workload):
    return [layer.window for layer in workload.layers]


@EXPORTS
@pytest.mark.parametrize("name", ["resnet20", "vgg-small", "cnn"])
def test_a_float_network_has_the_layers_that_pytorch_has(tmp_path, name):
    """The shortcuts of resnet20 pad by numbers that the graph computes of a shape."""
    module = build(name, ImageShape(3, 32, 32, 10))
    found = onnx_workload(exported(tmp_path / "m.onnx", module, (3, 32, 32)))
    expected = torch_workload(module.eval(), (3, 32, 32))
    assert sizes(found) == sizes(expected)
    assert windows(found) == windows(expected)
    assert found.left_out == ()
    assert [layer.bits for layer in found.layers] == [8, *[None] * (len(found.layers) - 2), 8]


@EXPORTS
def test_a_transformer_has_its_weights_products_and_names_attention(tmp_path):
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    module = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    found = onnx_workload(exported(tmp_path / "m.onnx", module, (10, 32)))
    assert found.macs == torch_workload(module.eval(), (10, 32)).macs
    assert [(item.operation, item.macs) for item in found.left_out] == [
        ("MatMul", 10 * 10 * 32)
    ] * 4
    assert {item.why for item in found.left_out} == {
        "a product of two activations, without weights to truncate"
    }


def test_what_we_export_has_the_layers_of_the_network(tmp_path):
    network = example_network("resnet20")
    expected = network_workload(network)
    onnx.save(qonnx_model(network, 2), tmp_path / "q.onnx")
    assert sizes(onnx_workload(tmp_path / "q.onnx")) == sizes(expected)
    onnx.save(plain_model(network, Setting("2", 2)), tmp_path / "p.onnx")
    found = onnx_workload(tmp_path / "p.onnx")
    products = [layer for layer in found.layers if layer.columns > 1]
    assert [(p.rows, p.reduction, p.columns, 1) for p in products] == sizes(expected)


@pytest.mark.parametrize("form", ["QDQ", "QOperator", "dynamic"])
def test_what_onnx_runtime_quantises_has_the_same_layers(tmp_path, form):
    from onnxruntime import quantization

    class Samples(quantization.CalibrationDataReader):
        left = iter([{"x": np.random.default_rng(0).random((1, 3, 9, 9), np.float32)}])

        def get_next(self):
            return next(self.left, None)

    nodes = [
        ("a", "Conv", ["x", "wa"], ["a"], {"pads": [1, 1, 1, 1]}),
        ("r", "Relu", ["a"], ["r"], {}),
        ("b", "Conv", ["r", "wb"], ["b"], {"strides": [2, 2], "group": 2}),
        ("s", "Add", ["b", "b"], ["s"], {}),
        ("g", "GlobalAveragePool", ["s"], ["g"], {}),
        ("f", "Flatten", ["g"], ["f"], {}),
        ("l", "MatMul", ["f", "wl"], ["y"], {}),
    ]
    weights = {"wa": (4, 3, 3, 3), "wb": (6, 2, 3, 3), "wl": (6, 5)}
    path = saved(tmp_path / "m.onnx", nodes, {"x": ["batch", 3, 9, 9]}, weights)
    if form == "dynamic":
        quantization.quantize_dynamic(str(path), str(tmp_path / "q.onnx"))
    else:
        kind = quantization.QuantFormat[form]
        quantization.quantize_static(
            str(path), str(tmp_path / "q.onnx"), Samples(), quant_format=kind
        )
    found, whole = onnx_workload(tmp_path / "q.onnx"), onnx_workload(path)
    assert sizes(whole) == [(81, 27, 4, 1), (16, 18, 3, 2), (1, 6, 5, 1)]
    assert sizes(found) == sizes(whole)
    assert windows(found) == windows(whole)
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("image", "weights", "own", "expected"),
    [
        (
            (1, 4, 8, 9),
            (6, 4, 3, 5),
            {},
            LayerShape("c", 30, 60, 6, window=Window(4, 8, 9, (3, 5))),
        ),
        (
            (1, 4, 8, 9),
            (4, 1, 3, 3),
            {"group": 4, "pads": [1, 0, 1, 0], "strides": [2, 3]},
            LayerShape("c", 12, 9, 1, groups=4, window=Window(1, 8, 9, (3, 3), (2, 3), (1, 0))),
        ),
        (
            (1, 4, 8, 9),
            (2, 4, 2, 2),
            {"pads": [0, 0, 1, 1]},
            LayerShape("c", 72, 16, 2, window=Window(4, 9, 10, (2, 2))),
        ),
        (
            (1, 4, 8, 9),
            (2, 4, 3, 3),
            {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
            LayerShape("c", 20, 36, 2, window=Window(4, 9, 11, (3, 3), (2, 2))),
        ),
        (
            (1, 4, 8, 9),
            (2, 4, 3, 3),
            {"auto_pad": "VALID", "pads": [5, 5, 5, 5]},
            LayerShape("c", 42, 36, 2, window=Window(4, 8, 9, (3, 3))),
        ),
        ((1, 4, 8, 9), (2, 4, 3, 3), {"dilations": [2, 3]}, LayerShape("c", 12, 36, 2)),
        (
            (1, 4, 20),
            (8, 4, 3),
            {"pads": [1, 1], "strides": [2]},
            LayerShape("c", 10, 12, 8, window=Window(4, 1, 20, (1, 3), (1, 2), (0, 1))),
        ),
        ((1, 2, 5, 6, 7), (3, 2, 2, 3, 4), {}, LayerShape("c", 64, 48, 3)),
    ],
)
def test_convolutions_of_every_form(tmp_path, image, weights, own, expected):
    layer = one_conv(tmp_path, image, weights, **own)
    assert (layer.rows, layer.reduction, layer.columns) == (
        expected.rows,
        expected.reduction,
        expected.columns,
    )
    assert (layer.groups, layer.window, layer.bits, layer.raw) == (
        expected.groups,
        expected.window,
        8,
        True,
    )


@pytest.mark.parametrize(
    ("op", "given", "weights", "own", "expected"),
    [
        ("MatMul", (7, 5), (5, 3), {}, (7, 5, 3, 1)),
        ("MatMul", (1, 2, 7, 5), (5, 3), {}, (14, 5, 3, 1)),
        ("MatMul", (1, 2, 7, 5), (2, 5, 3), {}, (7, 5, 3, 2)),
        ("MatMul", (5,), (5, 3), {}, (1, 5, 3, 1)),
        ("MatMul", (7, 5), (5,), {}, (7, 5, 1, 1)),
        ("Gemm", (7, 5), (3, 5), {"transB": 1}, (7, 5, 3, 1)),
        ("Gemm", (5, 7), (5, 3), {"transA": 1}, (7, 5, 3, 1)),
    ],
)
def test_products_of_every_form(tmp_path, op, given, weights, own, expected):
    inputs = {"image": (1, 1), "x": given}  # the first input tells the number of images
    nodes = [("p", op, ["x", "w"], ["y"], own)]
    found = onnx_workload(saved(tmp_path / "m.onnx", nodes, inputs, {"w": weights}))
    assert sizes(found) == [expected]


def test_weights_may_stand_before_the_activations(tmp_path):
    nodes = [("p", "MatMul", ["w", "x"], ["y"], {})]
    found = onnx_workload(saved(tmp_path / "m.onnx", nodes, {"x": (1, 5, 7)}, {"w": (3, 5)}))
    assert sizes(found) == [(7, 5, 3, 1)]


def test_figures_are_those_of_one_image_of_many(tmp_path):
    nodes = [
        ("c", "Conv", ["x", "w"], ["a"], {}),
        ("f", "Flatten", ["a"], ["f"], {}),
        ("p", "MatMul", ["f", "v"], ["y"], {}),
        ("t", "Transpose", ["y"], ["t"], {}),
        ("q", "MatMul", ["y", "t"], ["z"], {}),
    ]
    weights = {"w": (2, 1, 3, 3), "v": (8, 6)}
    path = saved(tmp_path / "m.onnx", nodes, {"x": (4, 1, 4, 4)}, weights, ("z",))
    found = onnx_workload(path)
    assert sizes(found) == [(4, 9, 2, 1), (1, 8, 6, 1)]
    assert [item.macs for item in found.left_out] == [4 * 6 * 4 // 4]


def test_what_is_no_layer_of_weights_is_named_with_its_macs(tmp_path):
    nodes = [
        ("conv", "Conv", ["x", "w"], ["a"], {}),
        ("up", "ConvTranspose", ["a", "u"], ["b"], {"strides": [2, 2]}),
        ("dynamic", "Conv", ["b", "k"], ["c"], {}),
        ("lstm", "LSTM", ["s", "wi", "wh"], ["h"], {"hidden_size": 6}),
        ("sum", "Einsum", ["s", "m"], ["e"], {"equation": "tbi,ij->tbj"}),
        ("mine", "Odd", ["c"], ["y"], {"domain": "my.own"}),
    ]
    inputs = {"x": (1, 2, 6, 6), "k": (3, 4, 2, 2), "s": (5, 1, 4), "m": (4, 7)}
    weights = {"w": (2, 2, 3, 3), "u": (2, 4, 2, 2), "wi": (1, 24, 4), "wh": (1, 24, 6)}
    found = onnx_workload(saved(tmp_path / "m.onnx", nodes, inputs, weights))
    assert sizes(found) == [(16, 18, 2, 1)]
    assert [(item.name, item.operation, item.macs) for item in found.left_out] == [
        ("up", "ConvTranspose", 2 * 16 * 4 * 4),
        ("dynamic", "Conv", 7 * 7 * 4 * 4 * 3),
        ("lstm", "LSTM", 5 * 24 * (4 + 6)),
        ("sum", "Einsum", 5 * 1 * 4 * 7),
        ("mine", "Odd", None),
    ]


def test_a_product_of_unknown_sizes_is_named(tmp_path):
    nodes = [
        ("c", "MatMul", ["x", "w"], ["a"], {}),
        ("n", "NonZero", ["a"], ["n"], {}),
        ("f", "Cast", ["n"], ["f"], {"to": 1}),
        ("p", "MatMul", ["v", "f"], ["y"], {}),
    ]
    path = saved(tmp_path / "m.onnx", nodes, {"x": (1, 3)}, {"w": (3, 4), "v": (5, 2)})
    (item,) = onnx_workload(path).left_out
    assert (item.name, item.macs) == ("p", None)
    assert item.why == "its sizes do not follow from those of the inputs"


def test_open_sizes_are_asked_for(tmp_path):
    nodes = [("p", "MatMul", ["x", "w"], ["y"], {})]
    inputs = {"x": ["batch", "tokens", 5], "mask": ["batch", "tokens"]}
    path = saved(tmp_path / "m.onnx", nodes, inputs, {"w": (5, 3)})
    message = (
        f"{path}: input 'x' leaves the size of dimension 'tokens' open; say it, as in FILE.onnx@224"
    )
    with pytest.raises(NetworkFileError, match=f"^{re.escape(message)}$"):
        onnx_workload(path)
    assert sizes(onnx_workload(path, 12)) == [(12, 5, 3, 1)]


def test_names_that_occur_again_get_a_number(tmp_path):
    nodes = [("p", "MatMul", ["x", "w"], ["a"], {}), ("p", "MatMul", ["a", "w"], ["y"], {})]
    path = saved(tmp_path / "m.onnx", nodes, {"x": (1, 5)}, {"w": (5, 5)})
    assert [layer.name for layer in onnx_workload(path).layers] == ["p", "p#2"]


def test_weights_in_other_files_are_not_read(tmp_path):
    nodes = [("p", "MatMul", ["x", "w"], ["y"], {})]
    path = saved(tmp_path / "m.onnx", nodes, {"x": (1, 500)}, {"w": (500, 30)})
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="data", size_threshold=0)
    (tmp_path / "data").unlink()
    assert sizes(onnx_workload(path)) == [(1, 500, 30, 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes; an ONNX file has 1 to 2147483647"),
        (b"x" * 9, "not a whole ONNX file. Copy or export it again"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "the ONNX graph has no nodes"),
    ],
)
def test_what_is_no_graph_is_refused(tmp_path, content, message):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(NetworkFileError, match=f"^{re.escape(f'{path}: {message}')}$"):
        onnx_workload(path)


def test_a_graph_without_layers_is_refused(tmp_path):
    nodes = [("p", "MatMul", ["x", "x"], ["y"], {})]
    path = saved(tmp_path / "m.onnx", nodes, {"x": (1, 5, 5)}, {})
    with pytest.raises(NetworkFileError, match="has no layer of weights; left out are MatMul 'p'$"):
        onnx_workload(path)


def test_sizes_that_do_not_fit_are_told(tmp_path):
    nodes = [
        ("a", "MatMul", ["x", "w"], ["a"], {}),
        ("b", "MatMul", ["x", "v"], ["y"], {}),
    ]
    path = saved(tmp_path / "m.onnx", nodes, {"x": (1, 5)}, {"w": (5, 5), "v": (6, 2)})
    (item,) = onnx_workload(path).left_out
    assert (item.name, item.why) == ("b", "its sizes do not fit each other")


def test_the_report_counts_a_graph_and_tells_what_is_left_out(run, tmp_path):
    nodes = [
        ("a", "MatMul", ["x", "w"], ["a"], {}),
        ("t", "Transpose", ["a"], ["t"], {"perm": [0, 2, 1]}),
        ("s", "MatMul", ["a", "t"], ["y"], {}),
    ]
    path = saved(tmp_path / "m.onnx", nodes, {"x": ["batch", "tokens", 64]}, {"w": (64, 64)})
    code, out, _ = run("report", f"{path}@16", "--format", "table")
    assert code == 0
    assert "Not in these figures: 0.02 million MACs, 20.0% of all known." in out
    assert (
        "Left out: MatMul s: a product of two activations, without weights to truncate; 0.02 "
        "million MACs." in out
    )
    code, out, _ = run("report", f"{path}@16", "--format", "json")
    found = json.loads(out)["workload"]
    assert (found["name"], found["macs"]) == ("m", 16 * 64 * 64)
    assert [item["macs"] for item in found["left_out"]] == [16 * 64 * 16]
    code, _, err = run("report", str(path), "--format", "table")
    assert (code, "leaves the size of dimension 'tokens' open" in err) == (2, True)
    code, _, err = run("report", f"{path}@0", "--format", "table")
    assert err == f"truncmac: Open sizes of {path} must be a whole number in 1..1048576, not '0'\n"


def test_whatever_a_file_holds_it_is_counted_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "m.onnx"
    nodes = [
        ("a", "Conv", ["x", "w"], ["a"], {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
        ("s", "Shape", ["a"], ["s"], {}),
        ("r", "Reshape", ["a", "s"], ["r"], {}),
        ("f", "Flatten", ["r"], ["f"], {}),
        ("l", "Gemm", ["f", "v"], ["y"], {"transB": 1}),
    ]
    weights = {"w": (4, 3, 3, 3), "v": (5, 144)}
    whole = saved(path, nodes, {"x": ["batch", 3, 8, 9]}, weights).read_bytes()
    counted = 0
    for _ in range(600):
        data = bytearray(whole)
        for place in rng.integers(0, len(data) - 40, 3):
            data[place] = rng.integers(0, 256)
            if rng.random() < 0.3:
                del data[place : place + rng.integers(1, 40)]
        path.write_bytes(data)
        with suppress(NetworkFileError):
            counted += all(layer.macs <= 1 << 53 for layer in onnx_workload(path).layers)
    assert counted > 20
