import re
from dataclasses import replace

import numpy as np
import onnx
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from tests.golden.networks import newer_network, small_network
from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Linear,
    MaxPool,
    Network,
    Shortcut,
    builtin_images,
    builtin_network,
    example_images,
    example_network,
    execute,
    from_affine,
    load,
    real_codes,
)
from truncmac.onnx.export.qonnx import qonnx_model
from truncmac.onnx.importing import import_onnx


def equals_golden(network, images, bits):
    """Every layer's output, bit for bit, in qonnx's executor."""
    model = qonnx_model(network, bits, len(images))
    onnx.checker.check_model(model)
    found = execute_onnx(ModelWrapper(model), {"image": images.astype(np.float32)}, True)
    expected = execute(network, images, bits).outputs
    assert set(expected) == {layer.name for layer in network.layers}
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert model.graph.output[0].name == network.layers[-1].name
    return model


def random_images(network, count, seed=0):
    image = network.image
    size = (count, image.channels, image.height, image.width)
    return np.random.default_rng(seed).integers(0, 1 << image.bits, size, np.uint8)


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_the_shipped_network_gives_goldens_integers(bits):
    equals_golden(builtin_network(), builtin_images()[0][:40], bits)


@pytest.mark.parametrize("bits", [8, 2])
def test_residual_pools_padding_and_offsets_give_goldens_integers(bits):
    network = small_network()
    equals_golden(network, random_images(network, 20), bits)


@pytest.mark.parametrize("bits", [4, 1])
def test_a_resnet_with_shortcuts_gives_goldens_integers(bits):
    equals_golden(example_network("resnet20"), example_images("resnet20", 1), bits)


def test_the_truncation_is_said_by_trunc_nodes():
    model = qonnx_model(builtin_network(), 2)
    nodes = [node for node in model.graph.node if node.op_type == "Trunc"]
    assert [node.input[5] for node in nodes] == [
        f"const/bits_{k}"
        for k in (8, 2, 2, 2, 8)  # the first and last layers keep 8
    ]
    codes = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    tensors = builtin_network().tensors
    np.testing.assert_array_equal(codes["conv2/codes"], tensors["conv2.codes"])


def wide_network(widths=(8, 7, 6, 5, 4, 3, 2, 1), channels=300):
    """8-bit activations and long sums, which float32 does not hold; odd pools and paddings."""
    rng = np.random.default_rng(5)
    layers = (
        Shortcut("more", "image", channels=channels),
        Conv2d("conv", "more", out_bits=8, padding=(1, 2), pad_code=255, stride=(2, 1)),
        MaxPool("max", "conv", kernel=(2, 2), stride=(1, 1), padding=(1, 1)),
        AvgPool("mean", "max", kernel=(3, 2), stride=(2, 2)),
        Shortcut("less", "mean", channels=6, stride=(1, 2)),
        Flatten("flat", "less"),
        Linear("logits", "flat", offset="twos_complement"),
    )
    tensors = {
        "conv.codes": np.where(rng.random((6, channels, 3, 3)) < 0.5, 0, 255).astype(np.uint8)
    }
    size = 6 * 3 * 2
    tensors["logits.codes"] = rng.integers(0, 256, (5, size), np.uint8)
    for k in widths:
        scale = rng.normal(0, 3e-4 / 2**k, 6)
        params = from_affine(scale, rng.uniform(50, 150, 6), out_bits=8, multiplier_bits=24)
        for name in ("multiplier", "bias", "shift"):
            tensors[f"conv.b{k}.{name}"] = getattr(params, name)
        tensors[f"logits.b{k}.multiplier"] = rng.integers(-(1 << 20), 1 << 20, 5)
        tensors[f"logits.b{k}.bias"] = rng.integers(-(1 << 40), 1 << 40, 5)
    return Network("wide", ImageSpec(260, 9, 8), widths, layers, tensors)


@pytest.mark.parametrize("bits", range(1, 9))
def test_sums_that_float32_does_not_hold_are_split(bits):
    network = wide_network()
    model = equals_golden(network, random_images(network, 3), bits)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 1 or bits < 6


@pytest.mark.parametrize("code", [0, 255])
def test_each_part_of_a_split_sum_is_exact(code):
    """Sums of one sign, of which float32 would round every second away."""
    rng = np.random.default_rng(7)
    codes = np.full((3, 260, 3, 3), code, np.uint8)
    codes[1:] ^= rng.integers(0, 4, (2, 260, 3, 3), np.uint8)
    tensors = {
        "conv.codes": codes,
        "conv.b8.multiplier": np.array([1, 2, -3]),
        "conv.b8.bias": np.array([1, 0, 5]),
    }
    layers = (Conv2d("conv", "image", padding=(1, 1)),)
    network = Network("split", ImageSpec(260, 5, 5), (8,), layers, tensors)
    images = 255 - random_images(network, 2) // 8
    sums = execute(network, images, 8).logits
    assert (sums.astype(np.float32) != sums).any()
    equals_golden(network, images, 8)


def test_a_long_linear_layer_is_computed_in_float64():
    rng = np.random.default_rng(2)
    layers = (Flatten("flat", "image"), Linear("logits", "flat"))
    tensors = {
        "logits.codes": np.full((3, 4000), 255, np.uint8),
        "logits.b8.multiplier": np.array([1, -1, 3]),
        "logits.b8.bias": rng.integers(-99, 99, 3),
    }
    network = Network("long", ImageSpec(10, 20, 20), (8,), layers, tensors)
    images = 255 - random_images(network, 3) // 64
    equals_golden(network, images, 8)


def test_numbers_that_float64_does_not_hold_are_refused_by_layer():
    network = small_network()
    network.tensors["third.b2.multiplier"][:] = 1 << 40
    message = "Layer 'third' can reach .* at k = 2, which float64 does not hold exactly"
    with pytest.raises(ValueError, match=message):
        qonnx_model(network, 2)
    qonnx_model(network, 8)


def test_a_mean_of_too_many_codes_is_refused_by_layer():
    layers = (AvgPool("mean", "image"), Flatten("flat", "mean"), Linear("logits", "flat"))
    tensors = {
        "logits.codes": np.zeros((2, 1), np.uint8),
        "logits.b8.multiplier": np.ones(2, np.int64),
        "logits.b8.bias": np.zeros(2, np.int64),
    }
    network = Network("large", ImageSpec(1, 100, 100), (8,), layers, tensors)
    message = "Layer 'mean' averages 10000 codes of up to 255; QONNX has no exact form for more"
    with pytest.raises(ValueError, match=message):
        qonnx_model(network, 8)


def test_missing_parameters_are_refused():
    with pytest.raises(ValueError, match="The network has no parameters for k = 3"):
        qonnx_model(builtin_network(), 3)


@pytest.mark.parametrize("name", ["small", "digits", "resnet20"])
def test_what_is_exported_is_imported_with_the_same_outputs(name, tmp_path):
    network, images = {
        "small": lambda: (small_network(), random_images(small_network(), 9)),
        "digits": lambda: (builtin_network(), builtin_images()[0][:30]),
        "resnet20": lambda: (example_network("resnet20"), example_images("resnet20", 1)),
    }[name]()
    for bits in network.bit_widths:
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(qonnx_model(network, bits).SerializeToString())
        again = import_onnx(path).network
        assert again.bit_widths == (bits,)
        expected = execute(network, images, bits).outputs
        found = execute(again, images, bits).outputs
        for layer, values in expected.items():
            np.testing.assert_array_equal(found[layer], values, err_msg=layer)
        np.testing.assert_array_equal(
            again.tensors[f"{again.products[0].name}.codes"],
            network.tensors[f"{network.products[0].name}.codes"],
        )


def test_the_command_writes_a_file_for_each_k(run, tmp_path):
    code, out, _ = run("export", "--format", "qonnx", "-k", "4,1", "--out", "q")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "q").iterdir()) == [
        "digits.k1.onnx",
        "digits.k4.onnx",
    ]
    assert len(re.findall(r"Written: q/digits\.k[41]\.onnx, [\d,]+ bytes", out)) == 2
    code, out, _ = run("import", "q/digits.k4.onnx", "--out", "again.safetensors")
    assert code == 0
    assert load(tmp_path / "again.safetensors").bit_widths == (4,)
    code, _, err = run("export", "--format", "tflite")
    assert (code, err) == (
        2,
        "truncmac: Invalid value for '--format': 'tflite' is not one of 'memories', 'qonnx', "
        "'onnx'; see truncmac export --help\n",
    )


@pytest.mark.parametrize("bits", [8, 2])
def test_means_of_their_own_and_shared_weights_give_goldens_integers(bits):
    network = newer_network()
    plain = replace(network, image=replace(network.image, coding=None))
    equals_golden(plain, random_images(plain, 20), bits)


def test_an_image_with_a_coding_gives_goldens_codes():
    network = newer_network()
    model = qonnx_model(network, 8, 20)
    reals = np.random.default_rng(0).normal(1, 2, (20, 2, 8, 6)).astype(np.float32)
    found = execute_onnx(ModelWrapper(model), {"image": reals}, True)
    codes = real_codes(reals, network.image.coding, 6)
    np.testing.assert_array_equal(found["image_codes"], codes)
    np.testing.assert_array_equal(found["logits"], execute(network, codes, 8).logits)
    coding = replace(network.image.coding, rounding="floor")
    floored = replace(network, image=replace(network.image, coding=coding))
    with pytest.raises(ValueError, match="no exact form in QONNX"):
        qonnx_model(floored, 8)
    coding = replace(coding, zero_point=0)
    floored = replace(network, image=replace(network.image, coding=coding))
    found = execute_onnx(ModelWrapper(qonnx_model(floored, 8, 20)), {"image": reals}, True)
    np.testing.assert_array_equal(found["image_codes"], real_codes(reals, coding, 6))
