import re
from dataclasses import dataclass, replace

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.golden.networks import newer_network, small_network, wide_network
from tests.golden.reference import plain_outputs
from tests.kinds.kinds import KINDS
from truncmac.golden import (
    Layer,
    Setting,
    builtin_images,
    builtin_network,
    code_bits,
    example_images,
    example_network,
    execute,
    shapes,
)
from truncmac.onnx.export import graph
from truncmac.onnx.export.plain import graph as plain_graph
from truncmac.onnx.export.plain.model import plain_model
from truncmac.onnx.importing import from_graph
from truncmac.onnx.options import Options
from truncmac.onnx.read import parse
from truncmac.sim.npu.stimulus import random_images, random_network

EIGHT = Setting("8", 8)


def outputs_of(network, images, setting):
    """Every layer's output in ONNX Runtime, of a graph that ONNX's own checker accepts."""
    names = [layer.name for layer in network.layers]
    model = plain_model(network, setting, names)
    onnx.checker.check_model(model, full_check=True)
    assert [opset.domain for opset in model.opset_import] == [""]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def equals_golden(network, images, bits):
    """Every layer's output, bit for bit and of the same type."""
    found = outputs_of(network, images, Setting("this", bits))
    for name, values in execute(network, images, bits).outputs.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_the_shipped_network_gives_goldens_integers(bits):
    equals_golden(builtin_network(), builtin_images()[0][:40], bits)


def test_a_k_for_each_layer_gives_goldens_integers():
    mixed = {"conv2": 4, "conv3": 1, "conv4": 2}
    equals_golden(builtin_network(), builtin_images()[0][:40], mixed)


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_a_resnet_with_shortcuts_gives_goldens_integers(bits):
    equals_golden(example_network("resnet20"), example_images("resnet20", 1), bits)


def test_a_resnet_with_products_beside_a_stride_gives_goldens_integers():
    equals_golden(example_network("resnet18"), example_images("resnet18", 1), 4)


@pytest.mark.parametrize("seed", range(30))
def test_random_networks_give_goldens_integers(seed):
    network = random_network(seed)
    rng = np.random.default_rng(seed)
    following = [layer.name for layer in network.products if layer.bits is None]
    mixed = {name: int(rng.choice(network.bit_widths)) for name in following}
    for bits in (*network.bit_widths, *([mixed] if mixed else [])):
        equals_golden(network, random_images(network, seed, 2), bits)


def test_it_gives_the_integers_of_plain_loops_too():
    network = small_network()
    images = np.random.default_rng(3).integers(0, 64, (5, 2, 7, 6), np.uint8)
    for k in network.bit_widths:
        found = outputs_of(network, images, Setting(str(k), k))
        for name, values in plain_outputs(network, images, k).items():
            if name != "image":
                np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_the_file_holds_the_8_bit_codes_at_each_k():
    network = builtin_network()
    for k in network.bit_widths:
        model = plain_model(network, Setting(str(k), k))
        held = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
        codes = held["conv2/codes"]
        assert codes.dtype == np.uint8
        np.testing.assert_array_equal(codes, network.tensors["conv2.codes"])
        (shift,) = [node for node in model.graph.node if "conv2/codes" in node.input]
        assert (shift.op_type, held[shift.input[1]]) == ("BitShift", 8 - k)
        assert model.metadata_props[0].value == str(k)


def test_it_takes_any_number_of_images_and_gives_the_last_layers_output():
    model = plain_model(builtin_network(), EIGHT)
    assert [output.name for output in model.graph.output] == ["linear"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "images"
    session = onnxruntime.InferenceSession(model.SerializeToString())
    images = builtin_images()[0]
    for count in (1, 7):
        (logits,) = session.run(None, {"image": images[:count]})
        np.testing.assert_array_equal(logits, execute(builtin_network(), images[:count], 8).logits)


def test_outputs_of_no_layer_are_refused():
    message = "Outputs must be those of the network's layers, not 'conv9'"
    with pytest.raises(ValueError, match=message):
        plain_model(builtin_network(), EIGHT, ["linear", "conv9"])


def test_missing_parameters_are_refused():
    with pytest.raises(ValueError, match="The network has no parameters for k = 3"):
        plain_model(builtin_network(), Setting("3", 3))


def test_a_kind_of_layer_without_a_form_is_refused_by_name(monkeypatch):
    @dataclass(frozen=True)
    class Softmax(Layer):
        """A layer that no writer knows."""

    network = builtin_network()
    last = network.layers[-1]
    odd = replace(network, layers=(*network.layers, Softmax("odd", last.name)))
    monkeypatch.setattr(graph, "shapes", lambda _: shapes(network) | {"odd": (10,)})
    monkeypatch.setattr(plain_graph, "code_bits", lambda _: code_bits(network) | {"odd": 8})
    message = "Layer 'odd' is a Softmax, for which there is no form in ONNX's own operators yet"
    with pytest.raises(ValueError, match=message):
        plain_model(odd, EIGHT)


def test_the_command_writes_a_file_for_each_setting(run, tmp_path):
    (tmp_path / "mixed.json").write_text('{"conv2": 4, "conv3": 1, "conv4": 2}')
    code, out, _ = run("export", "--format", "onnx", "-k", "8,mixed.json", "--out", "plain")
    assert code == 0
    names = ["digits.k8.plain.onnx", "digits.kmixed.plain.onnx"]
    assert sorted(path.name for path in (tmp_path / "plain").iterdir()) == names
    assert (
        len(re.findall(r"Written: plain/digits\.k(8|mixed)\.plain\.onnx, [\d,]+ bytes", out)) == 2
    )
    images, _ = builtin_images()
    session = onnxruntime.InferenceSession(tmp_path / "plain" / names[1])
    expected = execute(builtin_network(), images, {"conv2": 4, "conv3": 1, "conv4": 2}).logits
    np.testing.assert_array_equal(session.run(None, {"image": images})[0], expected)


def test_the_command_writes_all_that_the_network_has(run, tmp_path):
    code, _, _ = run("export", "--format", "onnx", "-k", "all", "--out", "plain")
    assert code == 0
    assert len(list((tmp_path / "plain").iterdir())) == len(builtin_network().bit_widths)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_imported_kinds_give_goldens_integers(name):
    network = from_graph(parse(KINDS[name]()), Options(widths=(8, 3))).network
    images = random_images(network, 5, 3)
    for bits in (8, 3):
        equals_golden(network, images, bits)


@pytest.mark.parametrize("pixels", [1, 12])
def test_means_of_their_own_scale_and_weights_of_many_pixels(pixels):
    network = newer_network(pixels, rounding="half_up")
    for bits in (8, 2):
        equals_golden(network, random_images(network, 3, 4), bits)


@pytest.mark.parametrize("bits", [8, 2])
def test_groups_tables_joins_and_products_of_codes(bits):
    network = wide_network()
    equals_golden(network, random_images(network, 4, 3), bits)


def test_halves_to_the_even_code_are_refused_by_name():
    with pytest.raises(ValueError, match=r"^Layer 'conv' rounds halves to the even code"):
        plain_model(newer_network(), EIGHT)
