import pytest
import torch
from torch import nn

from truncmac.model.convert import ConversionError, truncquantize
from truncmac.model.layers import (
    QuantActivation,
    QuantAvgPool2d,
    SwitchableBatchNorm,
    TruncConv2d,
    TruncLinear,
    set_bits,
)
from truncmac.model.networks import NETWORKS, ImageShape, build
from truncmac.model.quantisers import FLOAT_BITS


def small(*middle):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        *middle,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def test_parts_are_replaced_and_parameters_kept():
    model = small(nn.Conv2d(4, 4, 3), nn.ReLU())
    nn.init.normal_(model[1].running_mean)
    result = truncquantize(model, bits=(8, 3), act_bits=5)
    kinds = [type(module) for module in result]
    assert kinds == [
        *(TruncConv2d, SwitchableBatchNorm, QuantActivation, TruncConv2d, QuantActivation),
        *(QuantAvgPool2d, nn.Flatten, TruncLinear),
    ]
    assert torch.equal(result[0].weight, model[0].weight)
    assert torch.equal(result[1].norms["3"].running_mean, model[1].running_mean)
    assert set(result[1].norms) == {"8", "3", str(FLOAT_BITS)}
    assert [result[index].fixed_bits for index in (0, 3, 7)] == [8, None, 8]
    assert result[2].act_bits == 5
    assert type(model[0]) is nn.Conv2d  # the original is as it was


def test_first_and_last_layers_may_follow_the_network():
    result = truncquantize(small(), edge_bits=None)
    assert result[0].fixed_bits is None
    assert result[-1].fixed_bits is None


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))


class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, x):
        return self.linear(x) if x.sum() > 0 else x


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (small(nn.Conv2d(4, 4, 3, groups=4)), "3: Conv2d with groups=4"),
        (small(nn.Conv2d(4, 4, 3, dilation=2)), "3: Conv2d with dilation="),
        (small(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")), "mode 'reflect'"),
        (small(nn.GELU()), "3: GELU has no integer form"),
        (small(nn.LayerNorm(4)), "3: LayerNorm has no integer form"),
        (small(nn.BatchNorm2d(4, affine=False)), "3: BatchNorm2d without affine"),
        (small(nn.Hardtanh(-1, 1)), "3: Hardtanh from -1 to 1"),
        (small(nn.MaxPool2d(2, ceil_mode=True)), "3: MaxPool2d with dilation, ceil_mode"),
        (small(nn.AdaptiveAvgPool2d(2)), r"3: AdaptiveAvgPool2d to 2; only to 1 x 1"),
        (Functional(), "function sigmoid: has no integer form"),
        (Conditional(), "Conditional must be traceable by torch.fx"),
        (nn.Sequential(nn.ReLU()), "has no Conv2d or Linear to convert"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(model, reason):
    with pytest.raises(ConversionError, match=reason):
        truncquantize(model)


def test_every_reason_is_told_at_once():
    with pytest.raises(ConversionError, match=r"(?s)3: GELU.*4: Tanh"):
        truncquantize(small(nn.GELU(), nn.Tanh()))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_convert_and_run_at_every_bit_width(name):
    shape = ImageShape(3, 32, 32, 7)
    model = truncquantize(build(name, shape))  # in training mode: statistics of the batch
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    outputs = []
    for bits in (8, 1, FLOAT_BITS):
        set_bits(model, bits)
        outputs.append(model(images))
        assert outputs[-1].shape == (2, 7)
        assert torch.isfinite(outputs[-1]).all()
    assert not torch.equal(outputs[0], outputs[1])


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="^Network must be one of cnn, mlp, .* not 'x'$"):
        build("x", ImageShape(1, 8, 8, 10))
