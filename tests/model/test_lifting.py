import torch
from torch import nn

from tests.model.float_networks import trained
from truncmac.golden import Conv2d, builtin_images, network_accuracy
from truncmac.model.assembly import module_of
from truncmac.model.exported import float_graph
from truncmac.model.floats import lower
from truncmac.model.lifting import lifted
from truncmac.model.ptq import quantise


class Block(nn.Module):
    """Two sums that meet, as in the residual networks of torchvision, with one ReLU for all."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.side = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
        self.pool, self.head = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(16, 10)

    def forward(self, images):
        values = self.relu(self.stem(images))
        other = self.norm(self.conv(values))
        other += self.side(values)
        return self.head(torch.flatten(self.pool(self.relu(other)), 1))


def made():
    torch.set_num_threads(1)
    images, labels = builtin_images()
    return trained(Block(), images, labels, steps=150), images, labels


def test_what_is_lifted_gives_the_same():
    module, images, _ = made()
    graph = lower(float_graph(module, (1, 8, 8)))
    (relu,) = [step for step in graph.steps if "lift" in step.sizes]
    assert relu.sizes["lift"] == ("side.1", "norm")
    done = lifted(graph, images, 100)
    assert not any("lift" in step.sizes for step in done.steps)
    inputs = torch.tensor(images[:256], dtype=torch.float32) / 255
    with torch.no_grad():
        torch.testing.assert_close(module_of(done)(inputs), module(inputs), rtol=1e-4, atol=1e-4)
        cut = module_of(graph)(inputs)  # without a constant the lowest values are lost
        assert (cut - module(inputs)).abs().max() > 0.1


def test_a_percentile_cuts_the_lowest_values_off():
    module, images, _ = made()
    graph = lower(float_graph(module, (1, 8, 8)))
    bias = {
        percentile: next(s for s in lifted(graph, images, percentile).steps if s.name == "side.1")
        for percentile in (100, 90)
    }
    assert (bias[100].tensors["bias"] > bias[90].tensors["bias"]).all()


def test_a_network_of_such_blocks_keeps_its_accuracy():
    module, images, labels = made()
    with torch.no_grad():
        classes = module(torch.tensor(images, dtype=torch.float32) / 255).argmax(1).numpy()
    share = float((classes == labels).mean())
    assert share > 0.85
    network = quantise(module, images, widths=(8, 4))
    (added,) = [layer for layer in network.products if layer.residual is not None]
    assert isinstance(added, Conv2d)
    for k, loss in ((8, 0.05), (4, 0.08)):
        assert network_accuracy(network, images, labels, k) > share - loss
