"""Float graphs of PyTorch modules, as torch.export traces them: functions and modules alike."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from truncmac.golden import IMAGE
from truncmac.golden.types import Array

from .floats import FloatGraph, FloatGraphError, Step

__all__ = ["float_graph"]

Values = Mapping[Any, Any]  # by node of the traced graph: the name of its step, or a tensor


def float_graph(model: nn.Module, image: tuple[int, int, int]) -> FloatGraph:
    """The steps of a module that takes images (B, C, H, W).

    Raises
    ------
    FloatGraphError
        If torch.export cannot trace it, or a part of it has no form: names that.
    """
    label = type(model).__name__
    batch = torch.zeros(2, *image)
    try:
        program = torch.export.export(copy.deepcopy(model).eval(), (batch,))
    except Exception as error:  # torch.export raises whatever the module's own code raises
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise FloatGraphError(f"{label}: torch.export cannot trace it: {first[:200]}") from None
    return _Reader(program, label).graph()


class _Reader:
    """Goes through the nodes of a traced module."""

    def __init__(self, program: Any, label: str) -> None:
        self.program, self.label = program, label
        self.steps: list[Step] = []
        self.values: dict[Any, str | Array] = {}
        self.reasons: list[str] = []

    def graph(self) -> FloatGraph:
        signature, state = self.program.graph_signature, self.program.state_dict
        held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        last = IMAGE
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                name = held.get(node.name)
                tensor = None if name is None else state.get(name, self.program.constants.get(name))
                self.values[node] = IMAGE if tensor is None else tensor.detach().cpu().numpy()
            elif node.op == "call_function":
                last = self._read(node) or last
        if self.reasons:
            listed = "\n  ".join(dict.fromkeys(self.reasons))
            raise FloatGraphError(f"{self.label} cannot be converted:\n  {listed}")
        return FloatGraph(self.label, tuple(self.steps))

    def _read(self, node: Any) -> str | None:
        """Append a node's step, and give its name; None where it has none."""
        kind = str(getattr(node.target, "__name__", node.target)).partition(".")[0].rstrip("_")
        values = [self.values.get(a, a) if isinstance(a, torch.fx.Node) else a for a in node.args]
        name, where = self._names(node)
        self.values[node] = name
        make = STEPS.get(kind)
        try:
            if make is None:
                raise FloatGraphError(f"{kind} has no integer form")
            op, inputs, tensors, sizes = make(values, dict(node.kwargs), node)
        except FloatGraphError as error:
            self.reasons.append(f"{where}: {error}")
            return None
        if op == "mean" and node.meta["val"].ndim == 2:
            self.steps.append(Step(f"{name}.mean", op, tuple(inputs)))
            op, inputs = "flatten", [f"{name}.mean"]
        self.steps.append(Step(name, op, tuple(inputs), tensors, sizes))
        return name

    def _names(self, node: Any) -> tuple[str, str]:
        """A name for a node's step, and words that say which module it comes from."""
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path, kind = stack[-1] if stack else ("", "")
        kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__name__}"
        library = kind.startswith("torch.nn.")
        name = path if path and library else ".".join(filter(None, (path, node.name)))
        while any(step.name == name for step in self.steps):
            name += "_"
        short = kind.rpartition(".")[2]
        return name, f"{path or node.name} ({short})" if short else str(node.name)


Made = tuple[str, Sequence[str], Mapping[str, Array], Mapping[str, Any]]


def _argument(
    values: Sequence[Any], given: Mapping[str, Any], place: int, name: str, default: Any
) -> Any:
    return values[place] if place < len(values) else given.get(name, default)


def _pair(size: Any) -> tuple[int, int]:
    if isinstance(size, int):
        return (size, size)
    return (int(size[0]), int(size[-1]))


def _weighted(values: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Array]:
    weight, bias = values[1], _argument(values, given, 2, "bias", None)
    if isinstance(weight, str):
        raise FloatGraphError("its weights are computed; weights must be parameters")
    return {"weight": weight} if bias is None else {"weight": weight, "bias": bias}


def _conv(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    names = (("stride", 1), ("padding", 0), ("dilation", 1))
    found = {
        name: _argument(values, given, place, name, default)
        for place, (name, default) in enumerate(names, 3)
    }
    if isinstance(found["padding"], str):
        raise FloatGraphError(f"has padding {found['padding']!r}; say it in pixels")
    sizes: dict[str, Any] = {name: _pair(size) for name, size in found.items()}
    sizes["groups"] = _argument(values, given, 6, "groups", 1)
    return "conv", [values[0]], _weighted(values, given), sizes


def _linear(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    return "linear", [values[0]], _weighted(values, given), {}


def _norm(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    names = ("weight", "bias", "mean", "variance")
    tensors = dict(zip(names, values[1:5], strict=True))
    if any(tensor is None or isinstance(tensor, str) for tensor in tensors.values()):
        raise FloatGraphError("has no parameters or no statistics of its own")
    image = node.meta["val"].ndim == 4
    return "norm", [values[0]], tensors, {"epsilon": float(values[7]), "image": image}


def _add(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    if not all(isinstance(value, str) for value in values[:2]) or given.get("alpha", 1) != 1:
        raise FloatGraphError("adds a number; only values of the network are added")
    return "add", list(values[:2]), {}, {}


def _relu(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    return "relu", [values[0]], {}, {"limit": None}


def _hardtanh(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    low = _argument(values, given, 1, "min_val", -1.0)
    high = _argument(values, given, 2, "max_val", 1.0)
    if low != 0 or high not in (1, 6):
        raise FloatGraphError(f"clamps to {low} to {high}; codes hold 0 to 1 or 0 to 6")
    return "relu", [values[0]], {}, {"limit": float(high)}


def _relu6(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    return "relu", [values[0]], {}, {"limit": 6.0}


def _max_pool(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    kernel = _pair(values[1])
    stride = _argument(values, given, 2, "stride", []) or kernel
    padding = _argument(values, given, 3, "padding", 0)
    dilation = _argument(values, given, 4, "dilation", 1)
    if _pair(dilation) != (1, 1) or _argument(values, given, 5, "ceil_mode", False):
        raise FloatGraphError("a pool with dilation or ceil_mode")
    sizes = {"kernel": kernel, "stride": _pair(stride), "padding": _pair(padding)}
    return "max_pool", [values[0]], {}, sizes


def _mean(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    """A mean over the image, by whatever function."""
    before, after = node.args[0].meta["val"].shape, node.meta["val"].shape
    kind = str(node.target)
    axes = [axis % 4 for axis in values[1]] if "mean" in kind else [2, 3]
    if len(before) != 4 or sorted(axes) != [2, 3] or len(after) not in (2, 4):
        raise FloatGraphError("a mean over something other than height and width")
    if len(after) == 4 and tuple(after[2:]) != (1, 1):
        raise FloatGraphError("a mean over less than the whole image")
    return "mean", [values[0]], {}, {}


def _flatten(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    before, after = node.args[0].meta["val"].shape, node.meta["val"].shape
    if before == after:
        return "identity", [values[0]], {}, {}
    if len(after) != 2 or before[0] != after[0]:
        raise FloatGraphError(
            f"reshapes {tuple(before)} to {tuple(after)}; only to one vector each"
        )
    return "flatten", [values[0]], {}, {}


def _identity(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    return "identity", [values[0]], {}, {}


def _softmax(values: Sequence[Any], given: Mapping[str, Any], node: Any) -> Made:
    return "softmax", [values[0]], {}, {}


STEPS: Mapping[str, Callable[[Sequence[Any], Mapping[str, Any], Any], Made]] = {
    "adaptive_avg_pool2d": _mean,
    "add": _add,
    "alias": _identity,
    "avg_pool2d": _mean,
    "batch_norm": _norm,
    "clone": _identity,
    "contiguous": _identity,
    "conv2d": _conv,
    "dropout": _identity,
    "feature_dropout": _identity,
    "flatten": _flatten,
    "hardtanh": _hardtanh,
    "linear": _linear,
    "log_softmax": _softmax,
    "max_pool2d": _max_pool,
    "mean": _mean,
    "relu": _relu,
    "relu6": _relu6,
    "reshape": _flatten,
    "softmax": _softmax,
    "squeeze": _flatten,
    "view": _flatten,
}
