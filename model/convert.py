"""Turns a float model into one whose weights can be truncated."""

import copy
from collections.abc import Sequence

from torch import fx, nn

from truncmac.golden import check_bits

from .layers import (
    PadShortcut,
    QuantActivation,
    QuantAvgPool2d,
    SwitchableBatchNorm,
    TruncConv2d,
    TruncLinear,
)

__all__ = ["BIT_WIDTHS", "ConversionError", "trace", "truncquantize"]

BIT_WIDTHS = (8, 4, 2, 1)
RELUS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)
KEPT = (nn.MaxPool2d, nn.Flatten, nn.Identity, nn.Dropout, PadShortcut)
OURS = (TruncConv2d, TruncLinear, SwitchableBatchNorm, QuantActivation, QuantAvgPool2d, PadShortcut)
FUNCTIONS = {"add", "iadd", "flatten", "getattr", "getitem"}
METHODS = {"flatten", "view", "reshape", "size", "add", "add_"}


class ConversionError(ValueError):
    """A part of the model has no form in the hardware's arithmetic; the message names it."""


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, OURS) or super().is_leaf_module(m, module_qualified_name)


def trace(model: nn.Module) -> fx.Graph:
    """The model's operations, in the order in which they run.

    Raises
    ------
    ConversionError
        If the model's forward depends on the data, so that there is no such order.
    """
    try:
        return _Tracer().trace(model)
    except (fx.proxy.TraceError, TypeError) as error:
        raise ConversionError(
            f"{type(model).__name__} must be traceable by torch.fx; its forward depends on the "
            f"data: {error}"
        ) from error


def truncquantize(
    model: nn.Module,
    bits: Sequence[int] = BIT_WIDTHS,
    act_bits: int = 4,
    *,
    edge_bits: int | None = 8,
    exact_means: bool = True,
) -> nn.Module:
    """A copy of a model with truncated weights and quantised activations.

    Each Conv2d and Linear gets truncated weights, and each BatchNorm becomes one BatchNorm for each
    bit-width. Each ReLU clamps to 0..1 and rounds to codes. Parameters and statistics are kept.

    Parameters
    ----------
    model : an nn.Module that torch.fx can trace; its input are images in [0, 1]
    bits : the bit-widths k to train for
    act_bits : bits of the activations' codes
    edge_bits : k of the first and last layers; None: they follow the network's
    exact_means : means over the image are not rounded; else they are, to codes of `act_bits`

    Raises
    ------
    ConversionError
        Names each part that cannot be converted, and why.
    """
    for width in (*bits, act_bits, *([] if edge_bits is None else [edge_bits])):
        check_bits(width)
    graph = trace(model)
    _refuse(model, graph)
    result = copy.deepcopy(model)
    used = [str(node.target) for node in graph.nodes if node.op == "call_module"]
    weighted = [name for name in used if _has_weights(result.get_submodule(name))]
    if not weighted:
        raise ConversionError(f"{type(model).__name__} has no Conv2d or Linear to convert")
    for name in dict.fromkeys(used):
        fixed = edge_bits if name in (weighted[0], weighted[-1]) else None
        parent, _, child = name.rpartition(".")
        module = _converted(result.get_submodule(name), tuple(bits), act_bits, fixed)
        if isinstance(module, QuantAvgPool2d):
            module.exact = exact_means
        setattr(result.get_submodule(parent), child, module)
    return result


def _has_weights(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d | nn.Linear)


def _converted(
    module: nn.Module, bits: tuple[int, ...], act_bits: int, fixed: int | None
) -> nn.Module:
    if isinstance(module, nn.Conv2d | nn.Linear):
        # The parameters stay where they are; only forward() changes
        kind = TruncConv2d if isinstance(module, nn.Conv2d) else TruncLinear
        module.__class__ = kind
        module.fixed_bits = fixed  # type: ignore[assignment]
        return module
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return SwitchableBatchNorm(module, bits)
    if isinstance(module, RELUS):
        return QuantActivation(act_bits)
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return QuantAvgPool2d(act_bits)
    return module


def _refuse(model: nn.Module, graph: fx.Graph) -> None:
    """Raise ConversionError if the model cannot be converted, with every reason for that."""
    reasons = []
    for node in graph.nodes:
        if node.op == "call_module":
            name = str(node.target)
            reason = _why_not(model.get_submodule(name))
            reasons += [f"{name}: {reason}"] if reason else []
        elif node.op == "call_function":
            name = getattr(node.target, "__name__", str(node.target))
            if name not in FUNCTIONS:
                reasons.append(f"function {name}: has no integer form; use nn.ReLU as a module")
        elif node.op == "call_method" and node.target not in METHODS:
            reasons.append(f"method {node.target}: has no integer form")
        elif node.op == "get_attr":
            reasons.append(f"{node.target}: parameters outside layers have no integer form")
    if reasons:
        raise ConversionError(
            f"{type(model).__name__} cannot be converted:\n  " + "\n  ".join(dict.fromkeys(reasons))
        )


def _why_not(module: nn.Module) -> str | None:
    kind = type(module).__name__
    if isinstance(module, nn.Conv2d):
        return _why_not_conv(module)
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        whole = module.affine and module.track_running_stats
        return None if whole else f"{kind} without affine parameters and running statistics"
    if isinstance(module, nn.Hardtanh) and (module.min_val, module.max_val) not in ((0, 1), (0, 6)):
        return f"{kind} from {module.min_val} to {module.max_val}; the codes hold 0 to 1"
    if isinstance(module, nn.AdaptiveAvgPool2d):
        one = module.output_size in (1, (1, 1))
        return None if one else f"{kind} to {module.output_size}; only to 1 x 1"
    if isinstance(module, nn.MaxPool2d):
        plain = not (module.return_indices or module.ceil_mode) and module.dilation in (1, (1, 1))
        return None if plain else f"{kind} with dilation, ceil_mode or indices"
    if isinstance(module, (nn.Linear, *RELUS, *KEPT)):
        return None
    return f"{kind} has no integer form"


def _why_not_conv(module: nn.Conv2d) -> str | None:
    if module.groups != 1:
        return f"Conv2d with groups={module.groups}; the array needs groups=1"
    if module.dilation != (1, 1):
        return f"Conv2d with dilation={module.dilation}; the array needs dilation 1"
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        return f"Conv2d with padding {module.padding!r}, mode {module.padding_mode!r}"
    return None
