import pytest
import torch
from torch import nn

from truncmac.golden import shortcut
from truncmac.model.layers import (
    PadShortcut,
    SwitchableBatchNorm,
    TruncConv2d,
    TruncLinear,
    at_bits,
    bit_widths,
    real_weights,
    set_bits,
    set_scheme,
)
from truncmac.model.quantisers import FLOAT_BITS, quantise_weights


@pytest.mark.parametrize("bits", [1, 4, FLOAT_BITS])
def test_layers_follow_the_network_unless_fixed(bits):
    torch.manual_seed(0)
    follows, fixed = TruncLinear(5, 3), TruncLinear(5, 3)
    fixed.fixed_bits = 8
    model = nn.Sequential(follows, fixed)
    set_bits(model, bits)
    x = torch.rand(2, 5)
    expected = x @ quantise_weights(follows.weight, bits).T + follows.bias
    torch.testing.assert_close(follows(x), expected)
    fixed_bits = FLOAT_BITS if bits == FLOAT_BITS else 8
    expected = x @ quantise_weights(fixed.weight, fixed_bits).T + fixed.bias
    torch.testing.assert_close(fixed(x), expected)


def test_centred_layers_take_each_channels_mean_off():
    torch.manual_seed(0)
    conv = TruncConv2d(2, 3, 3)
    conv.centred = True
    set_bits(conv, 4)
    v = conv.weight - conv.weight.mean(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(real_weights(conv), v)
    x = torch.rand(1, 2, 8, 8)
    expected = nn.functional.conv2d(x, quantise_weights(v, 4), conv.bias)
    torch.testing.assert_close(conv(x), expected)


def test_convolution_uses_stride_padding_and_bias():
    conv = TruncConv2d(2, 3, 3, stride=2, padding=1)
    set_bits(conv, 2)
    x = torch.rand(1, 2, 8, 8)
    expected = nn.functional.conv2d(x, quantise_weights(conv.weight, 2), conv.bias, 2, 1)
    torch.testing.assert_close(conv(x), expected)


def test_each_bit_width_has_statistics_of_its_own():
    norm = SwitchableBatchNorm(nn.BatchNorm2d(2), (1, 8))
    set_bits(norm, 1)
    norm(torch.rand(4, 2, 3, 3) + 5)
    assert norm.norms["1"].running_mean.min() > 0.4
    assert norm.norms["8"].running_mean.abs().max() == 0


def test_batch_norm_absorbs_a_scale_of_each_output_channel():
    """Why E is one number for a layer: the normalised sums are the same with one for each."""
    torch.manual_seed(0)
    conv, norm = TruncConv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, eps=1e-12)
    set_bits(conv, 1)
    sums = conv(torch.rand(8, 3, 6, 6))
    scale = torch.rand(4).add(0.1)[:, None, None]
    torch.testing.assert_close(norm(scale * sums), norm(sums))


def test_a_width_without_statistics_is_refused_by_name():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), SwitchableBatchNorm(nn.BatchNorm2d(2), (8, 1)))
    message = "^Batch-norm '1' has statistics for k = 8, 1, 32, not 3: train at 3, or calibrate$"
    with pytest.raises(ValueError, match=message):
        set_bits(model, 3)
    assert bit_widths(model) == (8, 1)


def test_the_context_manager_restores_what_was():
    model = nn.Sequential(TruncLinear(2, 2))
    set_bits(model, 4)
    inside = []

    def fail():
        with at_bits(model, 1):
            inside.append(model[0].bits)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [1]
    assert model[0].bits == 4


def test_the_scheme_is_switched_everywhere():
    model = nn.Sequential(TruncLinear(2, 2), TruncConv2d(1, 1, 1))
    set_scheme(model, "dorefa")
    assert [layer.scheme for layer in model] == ["dorefa", "dorefa"]
    with pytest.raises(ValueError, match="^Scheme must be one of"):
        set_scheme(model, "none")


def test_the_shortcut_is_goldens():
    codes = torch.randint(0, 16, (2, 3, 5, 7), dtype=torch.uint8)
    expected = shortcut(codes.numpy(), 5, (2, 2))
    assert torch.equal(PadShortcut(5, 2)(codes), torch.from_numpy(expected))
