import pytest
import torch

from truncmac.model.layers import (
    SwitchableBatchNorm2d,
    TruncConv2d,
    TruncLinear,
    set_bits,
)
from truncmac.model.networks import DigitsNet
from truncmac.model.quantisers import FLOAT_BITS, truncquant_weights


@pytest.mark.parametrize("bits", [1, 4, FLOAT_BITS])
def test_layers_follow_the_network_unless_fixed(bits):
    torch.manual_seed(0)
    follows, fixed = TruncLinear(5, 3), TruncLinear(5, 3, fixed_bits=8)
    model = torch.nn.Sequential(follows, fixed)
    set_bits(model, bits)
    x = torch.rand(2, 5)
    expected = x @ truncquant_weights(follows.weight, bits).T + follows.bias
    torch.testing.assert_close(follows(x), expected)
    fixed_bits = FLOAT_BITS if bits == FLOAT_BITS else 8
    expected = x @ truncquant_weights(fixed.weight, fixed_bits).T + fixed.bias
    torch.testing.assert_close(fixed(x), expected)


def test_convolution_uses_stride_and_padding():
    conv = TruncConv2d(2, 3, 3, stride=2, padding=1)
    assert conv(torch.rand(1, 2, 8, 8)).shape == (1, 3, 4, 4)
    assert conv.bias is None


def test_each_bit_width_has_statistics_of_its_own():
    norm = SwitchableBatchNorm2d(2, (1, 8))
    set_bits(norm, 1)
    norm(torch.rand(4, 2, 3, 3) + 5)
    assert norm.norms["1"].running_mean.min() > 0.4
    assert norm.norms["8"].running_mean.abs().max() == 0


def test_digits_net_gives_logits_at_every_bit_width():
    model = DigitsNet().eval()
    outputs = []
    for bits in (*model.bit_widths, FLOAT_BITS):
        set_bits(model, bits)
        outputs.append(model(torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))))
        assert outputs[-1].shape == (3, 10)
    assert not torch.equal(outputs[0], outputs[3])
