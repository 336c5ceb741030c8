import re

import numpy as np
import pytest
import torch

from truncmac.golden import execute, load, save
from truncmac.model.export import export_digits, weight_unit
from truncmac.model.layers import set_bits
from truncmac.model.networks import DigitsNet
from truncmac.model.training import real


def random_model():
    """Random weights and batch-norms, some of their gammas negative."""
    torch.manual_seed(3)
    model = DigitsNet(channels=8)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 0.3, 0.3)
            torch.nn.init.normal_(module.bias, 0.3, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.01, 0.05)
    return model.eval()


def test_integer_network_follows_the_float_model_layer_by_layer():
    model = random_model()
    network = export_digits(model)
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), np.uint8)
    for bits in network.bit_widths:
        set_bits(model, bits)
        outputs = execute(network, images, bits).outputs
        x1, x2 = (torch.from_numpy(outputs[name] / np.float32(15)) for name in ("conv1", "conv2"))
        pooled = torch.from_numpy(outputs["pool"] / np.float32(15))
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


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_logits_are_the_float_models_in_units_of_s(bits):
    model = random_model()
    network = export_digits(model)
    images = np.random.default_rng(1).integers(0, 256, (20, 1, 8, 8), np.uint8)
    execution = execute(network, images, bits)
    means = torch.from_numpy(execution.outputs["flatten"] / np.float32(15))
    set_bits(model, bits)
    with torch.no_grad():
        logits = model.linear(means).double().numpy()
    unit = weight_unit(model.linear.weight.detach().double().numpy(), 8, 4)
    np.testing.assert_allclose(execution.logits * unit, logits, atol=unit)


def test_exported_network_is_a_valid_file(tmp_path):
    network = export_digits(random_model())
    save(network, tmp_path / "network.safetensors")
    again = load(tmp_path / "network.safetensors")
    assert again.layers == network.layers
    assert min(int(t.min()) for n, t in again.tensors.items() if "multiplier" in n) < 0


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
        export_digits(model)


def test_every_channel_is_certified_or_named():
    certified = {}
    network = export_digits(
        random_model(), lambda name, bits, exact: certified.update({(name, bits): exact})
    )
    layers = ["conv1", "conv2", "conv3", "conv4"]
    assert set(certified) == {(name, bits) for name in layers for bits in network.bit_widths}
    for (name, _), exact in certified.items():
        assert len(exact) == len(network.tensors[f"{name}.codes"])
    assert np.concatenate(list(certified.values())).mean() > 0.5
