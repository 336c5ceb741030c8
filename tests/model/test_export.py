import re

import numpy as np
import pytest
import torch
from torch import nn

from truncmac.golden import execute, load, save
from truncmac.model.convert import truncquantize
from truncmac.model.evaluate import compare
from truncmac.model.export import ExportError, export, weight_unit
from truncmac.model.images import ArrayImages
from truncmac.model.layers import QuantAvgPool2d, TruncConv2d, TruncLinear, set_bits
from truncmac.model.networks import ImageShape, build
from truncmac.model.training import logits_of, real

SHAPE = ImageShape(1, 8, 8, 10)


def random_model(name="cnn", shape=SHAPE, act_bits=4):
    """Random weights and batch-norms, some of their gammas negative."""
    torch.manual_seed(3)
    model = truncquantize(build(name, shape), act_bits=act_bits)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 0.3, 0.3)
            nn.init.normal_(module.bias, 0.3, 0.2)
            nn.init.uniform_(module.running_var, 0.01, 0.05)
    return model.eval()


def random_images(count, shape=SHAPE):
    size = (count, shape.channels, shape.height, shape.width)
    images = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    return ArrayImages(images, np.zeros(count, np.int64))


def test_integer_network_follows_the_float_model_layer_by_layer():
    """Each layer by itself, on the codes that golden gives it."""
    model = random_model()
    network = export(model, (1, 8, 8))
    images = random_images(40).images
    for bits in network.bit_widths:
        set_bits(model, bits)
        outputs = execute(network, images, bits).outputs
        names = ("conv1", "conv2", "pool")
        x1, x2, pooled = (torch.from_numpy(outputs[name] / np.float32(15)) for name in names)
        with torch.no_grad():
            expected = {
                "conv1": model.act(model.norm1(model.conv1(real(images)))),
                "conv2": model.act(model.norm2(model.conv2(x1))),
                "conv3": model.act(model.norm3(model.conv3(x2)) + x2),
                "pool": model.pool(torch.from_numpy(outputs["conv3"] / np.float32(15))),
                "conv4": model.act(model.norm4(model.conv4(pooled))),
            }
        for name, values in expected.items():
            codes = np.rint(values.numpy() * 15)
            differing = np.count_nonzero(codes != outputs[name])
            assert differing <= codes.size * 0.001, (bits, name)
            assert len(np.unique(codes)) > 3


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp", SHAPE),
        ("resnet20", ImageShape(3, 16, 16, 10)),
        ("resnet18", ImageShape(3, 32, 32, 10)),
        pytest.param("resnet50", ImageShape(3, 32, 32, 10), marks=pytest.mark.long),
        ("vgg-small", ImageShape(3, 16, 16, 10)),
    ],
)
def test_networks_export_to_valid_files(name, shape, tmp_path):
    model = random_model(name, shape)
    network = export(model, (shape.channels, shape.height, shape.width))
    save(network, tmp_path / "network.safetensors")
    assert load(tmp_path / "network.safetensors").layers == network.layers
    images = random_images(4, shape)
    found = compare(model, network, images, 8)
    assert found.codes > 0
    # The first layer's codes are nearly all the same: later ones differ where it does
    assert found.differing_codes < 0.2 * found.codes


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_logits_are_the_float_models_in_units_of_s(bits):
    """Those of exact means of all 16 pixels: a sum is worth a 16th of what it is worth without."""
    model = random_model()
    network = export(model, (1, 8, 8))
    assert [layer.name for layer in network.layers[-2:]] == ["mean_pixels", "linear"]
    assert network.layers[-1].pixels == 16
    execution = execute(network, random_images(20).images, bits)
    means = torch.from_numpy(execution.outputs["conv4"].mean((2, 3)) / np.float32(15)).float()
    set_bits(model, bits)
    with torch.no_grad():
        logits = model.linear(means).double().numpy()
    unit = weight_unit(model.linear.weight.detach().double().numpy(), 8, 4) / 16
    np.testing.assert_allclose(execution.logits * unit, logits, atol=unit)
    whole = model(real(random_images(20).images)).detach().double().numpy()
    assert np.abs(execution.logits * unit - whole).max() < 0.2 * np.ptp(whole)


def test_means_that_are_rounded_in_training_are_pools_of_codes():
    model = random_model()
    for module in model.modules():
        if isinstance(module, QuantAvgPool2d):
            module.exact = False
    network = export(model, (1, 8, 8))
    mean, flatten, linear = network.layers[-3:]
    assert (mean.out_bits, linear.pixels) == (None, 1)
    outputs = execute(network, random_images(20).images, 8).outputs
    means = model.mean(torch.from_numpy(outputs["conv4"] / np.float32(15)))
    np.testing.assert_array_equal(np.rint(means.numpy() * 15), outputs[mean.name])
    assert flatten.input == mean.name


def test_means_of_too_many_pixels_have_codes_of_8_bits(monkeypatch):
    """64 channels of 16 pixels are 1024: one more than an array may have here."""
    monkeypatch.setattr("truncmac.model.export.MOST_REDUCTION", 1023)
    model = random_model()
    network = export(model, (1, 8, 8))
    mean, _, linear = network.layers[-3:]
    assert (mean.out_bits, linear.pixels) == (8, 1)
    outputs = execute(network, random_images(20).images, 8).outputs
    sums = outputs["conv4"].astype(int).sum((2, 3))
    np.testing.assert_array_equal(outputs["mean"][:, :, 0, 0], (2 * 17 * sums + 16) // 32)
    monkeypatch.setattr("truncmac.model.export.MOST_REDUCTION", 1024)
    assert export(model, (1, 8, 8)).layers[-1].pixels == 16


def test_centred_weights_are_exported_as_they_are_used():
    model = random_model()
    for module in model.modules():
        if isinstance(module, TruncConv2d | TruncLinear):
            module.centred = True
    found = compare(model, export(model, (1, 8, 8)), random_images(30), 2)
    assert found.differing_codes < 0.001 * found.codes
    assert found.differing_predictions == 0


def test_every_requantised_channel_is_certified_or_not():
    network = export(random_model(), (1, 8, 8))
    found = []
    for name in ("conv1", "conv2", "conv3", "conv4"):
        for bits in network.bit_widths:
            found.append(network.tensors[f"{name}.b{bits}.exact"])
            assert found[-1].shape == (len(network.tensors[f"{name}.codes"]),)
    assert 0.5 < np.concatenate(found).mean() <= 1
    assert "linear.b8.exact" not in network.tensors


def test_comparison_counts_what_differs():
    model = random_model()
    network = export(model, (1, 8, 8))
    images = random_images(30)
    before = compare(model, network, images, 4)
    assert before.differing_codes < 0.001 * before.codes
    assert before.differing_predictions == 0
    assert before.float_right == np.count_nonzero(logits_of(model, images, 4).argmax(1) == 0)
    one_code = np.int64(1) << network.tensors["conv1.b4.shift"]
    network.tensors["conv1.b4.bias"] += one_code
    after = compare(model, network, images, 4)
    assert after.differing_codes > 0.1 * after.codes


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_model_is_refused_by_tensor(value):
    model = random_model()
    with torch.no_grad():
        model.conv2.weight[0, 0, 0, 0] = value
    message = (
        "Checkpoint tensor 'conv2.weight' must be finite, not NaN or infinite; "
        "the training diverged"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        export(model, (1, 8, 8))


class TwoSums(nn.Module):
    """Adds two convolutions that no activation has made codes of."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 1)
        self.conv2 = nn.Conv2d(1, 2, 1)
        self.act = nn.ReLU()
        self.linear = nn.Conv2d(2, 2, 1)

    def forward(self, x):
        return self.linear(self.act(self.conv1(x) + self.conv2(x)))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (TwoSums(), "add: an add takes a layer's sums and one stream of activation codes"),
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1)),
            "1: its input is not an activation code; put a ReLU before it",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1)),
            "2: a batch-norm must follow its convolution",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU()),
            "The network must end in a Conv2d or Linear layer",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)),
            "2: a batch-norm after the last layer",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused_by_name(model, reason):
    converted = truncquantize(model)
    for module in converted.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
    with pytest.raises(ExportError, match=f"^{re.escape(reason)}"):
        export(converted, (1, 8, 8))
