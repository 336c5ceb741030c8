"""Exports a trained network: codes once, batch-norms folded for each bit-width."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from truncmac.golden import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Linear,
    MaxPool,
    Network,
    certify,
    from_affine,
    weight_codes,
    weight_scale,
)

from .layers import SwitchableBatchNorm2d, TruncConv2d, TruncLinear
from .networks import DigitsNet

__all__ = ["check_finite", "export_digits"]

Tensors = dict[str, npt.NDArray[np.generic]]
Reals = npt.NDArray[np.float64]
IMAGE_BITS = 8
# Told of each layer, k, and which of its channels equal exact rational arithmetic for every S
OnCertified = Callable[[str, int, npt.NDArray[np.bool_]], None]


def check_finite(state: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError, naming the tensor, if a value is NaN or infinite."""
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"Checkpoint tensor {name!r} must be finite, not NaN or infinite; "
                "the training diverged"
            )


def export_digits(
    model: DigitsNet, on_certified: OnCertified = lambda name, bits, exact: None
) -> Network:
    """The integer network of a trained `DigitsNet`.

    Parameters
    ----------
    on_certified : called for each layer that is requantised, and each k, with a bool for each
        channel: its codes are those of exact rational arithmetic, whatever the accumulator

    Raises
    ------
    ValueError
        If a tensor holds NaN or infinity.
    """
    check_finite(model.state_dict())
    bits = model.act_bits
    tensors: Tensors = {}
    _add_conv(tensors, "conv1", model.conv1, model.norm1, IMAGE_BITS, bits, on_certified)
    _add_conv(tensors, "conv2", model.conv2, model.norm2, bits, bits, on_certified)
    _add_conv(
        tensors, "conv3", model.conv3, model.norm3, bits, bits, on_certified, residual_bits=bits
    )
    _add_conv(tensors, "conv4", model.conv4, model.norm4, bits, bits, on_certified)
    _add_logits(tensors, "linear", model.linear, bits, model.bit_widths)
    same = (1, 1)
    return Network(
        name="digits",
        image=ImageSpec(channels=1, height=8, width=8, bits=IMAGE_BITS),
        bit_widths=model.bit_widths,
        layers=(
            Conv2d("conv1", IMAGE, bits=8, out_bits=bits, padding=same),
            Conv2d("conv2", "conv1", out_bits=bits, padding=same),
            Conv2d("conv3", "conv2", residual="conv2", out_bits=bits, padding=same),
            MaxPool("pool", "conv3"),
            Conv2d("conv4", "pool", out_bits=bits, padding=same),
            AvgPool("mean", "conv4"),
            Flatten("flatten", "mean"),
            Linear("linear", "flatten", bits=8),
        ),
        tensors=tensors,
    )


def _add_conv(
    tensors: Tensors,
    name: str,
    conv: TruncConv2d,
    norms: SwitchableBatchNorm2d,
    in_bits: int,
    out_bits: int,
    on_certified: OnCertified,
    residual_bits: int | None = None,
) -> None:
    """Fold E/N of the weights, 1/A of the input and the batch-norm into M, B, s."""
    weights = conv.weight.detach().double().numpy()
    tensors[f"{name}.codes"] = weight_codes(weights)
    largest = (1 << out_bits) - 1
    for key, norm in norms.norms.items():
        if int(key) > 8:
            continue
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 (for the type checker)
        used = conv.fixed_bits or int(key)
        unit = weight_unit(weights, used, in_bits)
        slope, offset = batch_norm(norm)
        residual = None
        if residual_bits is not None:
            residual = np.full(len(weights), largest / ((1 << residual_bits) - 1))
        scale, offset = largest * slope * unit, largest * offset
        params = from_affine(scale, offset, out_bits=out_bits, residual_scale=residual)
        exact = certify(
            params,
            scale,
            offset,
            largest_sum=weights[0].size * ((1 << used) - 1) * ((1 << in_bits) - 1),
            residual_scale=0.0 if residual is None else residual,
            largest_residual=(1 << (residual_bits or 0)) - 1,
        )
        on_certified(name, int(key), exact)
        prefix = f"{name}.b{key}"
        tensors[f"{prefix}.multiplier"] = params.multiplier
        tensors[f"{prefix}.bias"] = params.bias
        tensors[f"{prefix}.shift"] = params.shift
        if params.residual_multiplier is not None:
            tensors[f"{prefix}.residual_multiplier"] = params.residual_multiplier


def _add_logits(
    tensors: Tensors, name: str, linear: TruncLinear, in_bits: int, bit_widths: tuple[int, ...]
) -> None:
    """Logits in units of S: all share one scale, so the bias alone is rounded."""
    weights = linear.weight.detach().double().numpy()
    bias = linear.bias.detach().double().numpy()
    tensors[f"{name}.codes"] = weight_codes(weights)
    for bits in bit_widths:
        unit = weight_unit(weights, linear.fixed_bits or bits, in_bits)
        tensors[f"{name}.b{bits}.multiplier"] = np.ones(len(bias), np.int64)
        tensors[f"{name}.b{bits}.bias"] = np.rint(bias / unit).astype(np.int64)


def weight_unit(weights: Reals, bits: int, in_bits: int) -> float:
    """What S = 1 is worth: E/N of the weights at `bits`, times 1/A of the input codes."""
    return weight_scale(weights) / ((1 << bits) - 1) / ((1 << in_bits) - 1)


def batch_norm(norm: nn.BatchNorm2d) -> tuple[Reals, Reals]:
    """Slope and offset (N,) of a batch-norm with its running statistics."""
    assert norm.running_mean is not None  # noqa: S101 (for the type checker)
    assert norm.running_var is not None  # noqa: S101
    mean, variance = norm.running_mean.double().numpy(), norm.running_var.double().numpy()
    gamma, beta = norm.weight.detach().double().numpy(), norm.bias.detach().double().numpy()
    slope = gamma / np.sqrt(variance + norm.eps)
    return slope, beta - slope * mean
