import copy
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import nn

from tests.model.float_networks import Functional, Modules, trained
from truncmac.golden import accuracy, builtin_images, execute, load, network_accuracy, save
from truncmac.model.convert import ConversionError
from truncmac.model.networks import build
from truncmac.model.ptq import quantise
from truncmac.model.training import real


def fitted(model, split, epochs):
    """A float model, trained in the plain way."""
    torch.manual_seed(0)
    images, labels = real(split.train.images), torch.from_numpy(split.train.labels)
    optimiser = torch.optim.Adam(model.parameters(), 4e-3)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(128):
            loss = F.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model.eval()


def right(network, split, bits):
    return accuracy(execute(network, split.test.images, bits).logits, split.test.labels)


@torch.no_grad()
def float_accuracy(model, split):
    logits = model(real(split.test.images)).numpy()
    return float((logits.argmax(1) == split.test.labels).mean())


@pytest.fixture(scope="module")
def cnn(split):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return fitted(build("cnn", split.shape), split, 4)


def test_a_float_network_keeps_its_accuracy_down_to_2_bits(cnn, split, tmp_path):
    before = copy.deepcopy(cnn.state_dict())
    network = quantise(cnn, split.train.images, act_bits=4)
    save(network, tmp_path / "network.safetensors")
    assert load(tmp_path / "network.safetensors").bit_widths == (8, 7, 6, 5, 4, 3, 2, 1)
    expected = float_accuracy(cnn, split)
    assert expected > 0.93
    for bits in (8, 4, 3, 2):
        assert right(network, split, bits) > expected - 0.02, bits
    assert right(network, split, 1) > expected - 0.1
    for name, tensor in cnn.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_more_bits_follow_the_float_logits_more_closely(cnn, split):
    with torch.no_grad():
        logits = cnn(real(split.test.images)).double().numpy()
    errors = []
    for act_bits, widths in ((3, [8]), (6, [8, 2])):
        network = quantise(cnn, split.train.images[:600], act_bits=act_bits, widths=widths)
        for bits in widths:
            found = execute(network, split.test.images, bits).logits.astype(float)
            slope = (found * logits).sum() / (found**2).sum()
            errors.append(np.abs(slope * found - logits).mean() / np.abs(logits).mean())
    coarse, fine, two_bits = errors
    assert fine < coarse < 0.2
    assert fine < 0.05
    assert fine < two_bits


def test_layers_without_batch_norm_and_relu6_are_calibrated(split):
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, stride=2),
        nn.ReLU6(),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    fitted(model, split, 6)
    with torch.no_grad():
        model[0].weight[3] = 0  # a channel that always says the same, and that nobody hears
        model[0].bias[3] = 0.5
        model[2].weight[:, 3] = 0
        for tensor in (model[2].weight, model[2].bias, model[3].running_mean, model[3].weight):
            tensor[::2] *= -1  # the same function, with negative slopes
    expected = float_accuracy(model, split)
    assert expected > 0.8
    network = quantise(model, split.train.images, act_bits=6)
    for bits in (8, 4):
        assert right(network, split, bits) > expected - 0.02
    silent = execute(network, split.test.images, 4).outputs["0_0"][:, 3]
    assert len(np.unique(silent)) == 1
    assert silent[0, 0, 0] > 0


def test_the_percentile_decides_what_is_clipped(cnn, split):
    images = split.train.images[:400]
    low, high = (
        execute(quantise(cnn, images, widths=[8], percentile=p), images, 8).outputs["conv1"]
        for p in (80, 100)
    )
    assert np.mean(low == 15) > 0.1
    assert np.mean(high == 15) < 0.01


class Twice(nn.Module):
    """Runs one convolution twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)
        self.act = nn.ReLU()
        self.last = nn.Conv2d(1, 2, 1)

    def forward(self, x):
        return self.last(self.act(self.conv(self.act(self.conv(x)))))


IMAGES = np.zeros((4, 1, 8, 8), np.uint8)


@pytest.mark.parametrize(
    ("model", "images", "options", "message"),
    [
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sigmoid(), nn.Conv2d(2, 2, 1)),
            IMAGES,
            {},
            "Sequential cannot be converted:\n  1 (Sigmoid): sigmoid has no integer form",
        ),
        (
            Twice(),
            IMAGES[:1],
            {},
            "Images to calibrate on must be at least two, uint8 with shape (n, C, H, W), "
            "not uint8 with shape (1, 1, 8, 8)",
        ),
        (Twice(), IMAGES.astype(float), {}, "Images to calibrate on must be at least two, uint8"),
        (
            Twice(),
            IMAGES,
            {"percentile": 10},
            "Percentile of activations must be in 50..100, not 10",
        ),
        (Twice(), IMAGES, {"widths": [9]}, "Bit-width k must be in 1..8, not 9"),
        (Twice(), IMAGES, {"act_bits": 0}, "Bit-width k must be in 1..8, not 0"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(model, images, options, message):
    with pytest.raises((ConversionError, ValueError), match=f"^{re.escape(message)}"):
        quantise(model, images, **options)


def test_a_model_that_diverged_is_refused(cnn):
    model = copy.deepcopy(cnn)
    with torch.no_grad():
        model.conv2.weight[0] = float("nan")
    with pytest.raises(ValueError, match="tensor 'conv2.weight' must be finite"):
        quantise(model, IMAGES)


@pytest.mark.parametrize("kind", [Functional, Modules])
def test_modules_as_people_write_them_are_calibrated(kind):
    images, labels = builtin_images()
    module = trained(kind(), images, labels, steps=150)
    with torch.no_grad():
        classes = module(torch.tensor(images, dtype=torch.float32) / 255).argmax(1).numpy()
    share = float((classes == labels).mean())
    assert share > 0.85
    network = quantise(module, images, widths=(8, 4))
    for k in (8, 4):
        assert network_accuracy(network, images, labels, k) > share - 0.06


def test_a_layer_that_is_used_twice_becomes_two():
    network = quantise(Twice(), IMAGES, widths=(8,))
    first, second, _ = network.products
    np.testing.assert_array_equal(
        network.tensors[f"{first.name}.codes"], network.tensors[f"{second.name}.codes"]
    )
