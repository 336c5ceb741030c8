import json

import numpy as np
import onnx
import pytest

from truncmac.golden import Setting, builtin_images, builtin_network, execute
from truncmac.onnx import runtime as module
from truncmac.onnx.runtime import RuntimeNetwork, compare_with_golden

EIGHT = Setting("8", 8)


@pytest.fixture
def faulty(monkeypatch):
    """A graph in which one channel's bias of conv3 is another."""
    whole = module.plain_model

    def plain_model(network, setting, keep):
        model = whole(network, setting, keep)
        if setting.name == "8":
            (bias,) = [t for t in model.graph.initializer if t.name == "conv3/bias"]
            values = onnx.numpy_helper.to_array(bias).copy()
            values[5] += 1 << 22
            bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
        return model

    monkeypatch.setattr(module, "plain_model", plain_model)


def test_it_keeps_the_outputs_that_are_asked_for():
    network, (images, _) = builtin_network(), builtin_images()
    expected = execute(network, images[:5], 8).outputs
    runtime = RuntimeNetwork(network, EIGHT, ["conv2", "linear"], threads=1)
    found = runtime.run(images[:5])
    assert list(found) == ["conv2", "linear"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name])
    assert list(RuntimeNetwork(network, EIGHT).run(images[:1])) == ["linear"]


def test_every_output_is_compared():
    network, (images, _) = builtin_network(), builtin_images()
    report = compare_with_golden(network, images[:70], EIGHT, every_layer=False)
    assert (report.layers, report.outputs, report.mismatches) == (1, 700, 0)
    assert report.difference is None
    report = compare_with_golden(network, images[:70], EIGHT, every_layer=True)
    sizes = execute(network, images[:70], 8).outputs
    assert report.outputs == sum(values.size for values in sizes.values())
    assert (report.layers, report.mismatches) == (len(network.layers), 0)


def test_a_fault_is_found_where_it_is(faulty):
    network, (images, _) = builtin_network(), builtin_images()
    report = compare_with_golden(network, images[:70], EIGHT, every_layer=True)
    found = report.difference
    assert (found["layer"], found["channel"]) == ("conv3", 5)
    assert found["golden"] != found["onnxruntime"]
    golden = execute(network, images[:70], 8).outputs["conv3"]
    assert found["golden"] == golden[found["image"], 5, found["y"], found["x"]]
    assert 0 < found["mismatches"] < report.mismatches
    assert found["outputs"] == golden.size


def test_infer_compares_with_onnx_runtime(run):
    code, out, _ = run("infer", "--on", "onnxruntime", "-k", "8,1")
    assert code == 0
    assert "450 images, run on ONNX Runtime too" in out
    assert [line.split() for line in out.splitlines() if "%" in line] == [
        ["8", "99.56%", "4,500", "0"],
        ["1", "98.00%", "4,500", "0"],
    ]
    code, out, _ = run("infer", "--on", "onnxruntime", "-k", "8", "--compare", "--json")
    (found,) = json.loads(out)["settings"]
    assert (code, found["outputs"], found["mismatches"]) == (0, 3_057_300, 0)


def test_infer_shows_where_onnx_runtime_differs(run, faulty):
    code, out, _ = run("infer", "--on", "onnxruntime", "-k", "8,1", "--compare")
    assert code == 1
    assert "k = 8: first difference in layer 'conv3'" in out
    assert "channel 5" in out and "ONNX Runtime " in out
    assert "k = 1: first" not in out
    code, out, _ = run("infer", "--on", "onnxruntime", "-k", "8")
    assert code == 1
    assert "first difference in layer 'linear'" in out
