"""Export of a trained network to integers: weight codes and folded batch-norms."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from truncmac.golden import (
    Network,
    Product,
    Requantisation,
    from_affine,
    weight_codes,
    weight_scale,
)

from .networks import CodeNetwork, ConvBlock, code_bits

__all__ = ["export"]

Floats = npt.NDArray[np.float64]
Tensors = dict[str, npt.NDArray[np.generic]]


def export(model: CodeNetwork) -> Network:
    """The integer network that computes what `model` computes.

    All arithmetic is in float64. A layer's sum S is worth E / (N * A) times itself, N =
    2**k - 1 of its weights and A of its input codes; for each bit-width the batch-norm folds
    with that into one multiplier, bias and shift a channel (`golden.from_affine`). Logits keep
    M = 1: their bias alone is rounded, to whole S.

    Raises
    ------
    ValueError
        If a tensor of the model is not finite, or the weights of a layer are all zero.

    Source: design.md, section 1.
    """
    _check_finite(model)
    tensors: Tensors = {}
    for layer in model.layers:
        if isinstance(layer, Product):
            tensors |= _product(model, layer)
    return Network(
        name=model.name,
        image=model.image,
        bit_widths=tuple(sorted(model.bit_widths)),
        layers=model.layers,
        tensors=tensors,
    )


def _check_finite(model: nn.Module) -> None:
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"Tensor {name!r} must be finite, not NaN or infinite")


def _product(model: CodeNetwork, layer: Product) -> Tensors:
    """All tensors of one layer."""
    block = model.blocks[layer.name]
    weights = _array(block.conv.weight if isinstance(block, ConvBlock) else block.weight)
    if not weights.any():
        raise ValueError(f"Weights of layer {layer.name!r} must not all be zero")
    tensors: Tensors = {f"{layer.name}.codes": weight_codes(weights)}
    known = code_bits(model.image, model.layers)
    for bits in model.bit_widths:
        steps = _steps(layer.bits or bits) * _steps(known[layer.input])
        unit = weight_scale(weights) / steps  # what one of S is worth
        if isinstance(block, ConvBlock):
            parameters = _convolution(block, layer, bits, unit, known)
        else:
            parameters = _logits(_array(block.bias), unit)
        tensors |= {f"{layer.name}.b{bits}.{name}": array for name, array in parameters.items()}
    return tensors


def _convolution(
    block: ConvBlock, layer: Product, bits: int, unit: float, known: dict[str, int]
) -> Tensors:
    """Requantisation of y = gamma * (unit * S - mean) / sqrt(var + eps) + beta + r / A_r."""
    norm = block.norm.at(bits)
    assert norm.running_mean is not None  # noqa: S101 (for the type checker)
    assert norm.running_var is not None  # noqa: S101
    slope = _array(norm.weight) / np.sqrt(_array(norm.running_var) + norm.eps)
    top = _steps(block.activation.bits)
    result = from_affine(
        top * slope * unit,
        top * (_array(norm.bias) - slope * _array(norm.running_mean)),
        out_bits=block.activation.bits,
        residual_scale=None if layer.residual is None else top / _steps(known[layer.residual]),
    )
    return _tensors(result)


def _tensors(result: Requantisation) -> Tensors:
    tensors: Tensors = {
        "multiplier": result.multiplier,
        "bias": result.bias,
        "shift": result.shift,
    }
    if result.residual_multiplier is not None:
        tensors["residual_multiplier"] = result.residual_multiplier
    return tensors


def _logits(bias: Floats, unit: float) -> Tensors:
    return {
        "multiplier": np.ones(len(bias), np.int64),
        "bias": np.rint(bias / unit).astype(np.int64),
    }


def _steps(bits: int) -> int:
    return (1 << bits) - 1


def _array(tensor: torch.Tensor) -> Floats:
    return tensor.detach().double().cpu().numpy()
