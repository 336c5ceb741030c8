"""Modules of float graphs, as calibration and training take them."""

import operator
import re
from typing import Any

import torch
from torch import fx, nn

from truncmac.golden import IMAGE
from truncmac.golden.types import Array

from .floats import FloatGraph, FloatGraphError, Step, check_order

__all__ = ["module_of"]


def module_of(graph: FloatGraph) -> nn.Module:
    """The module of a graph that `lower` made, in evaluation mode.

    Raises
    ------
    FloatGraphError
        If a step has no module: names it.
    """
    check_order(graph.steps)
    root, made = nn.Module(), fx.Graph()
    values: dict[str, fx.Node] = {IMAGE: made.placeholder("image")}
    taken = set(dir(root)) | {IMAGE}
    for step in graph.steps:
        inputs = tuple(values[name] for name in step.inputs)
        if step.op == "add":
            values[step.name] = made.call_function(operator.add, inputs)
            continue
        target = _free(step.name, taken)
        root.add_module(target, _module(step))
        values[step.name] = made.call_module(target, inputs)
    made.output(values[graph.steps[-1].name])
    return fx.GraphModule(root, made, graph.name).eval()


def _free(name: str, taken: set[str]) -> str:
    """A name for a module that is still free, made of `name`."""
    clean = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    clean = clean if clean and not clean[0].isdigit() else f"step_{clean}"
    while clean in taken:
        clean += "_"
    taken.add(clean)
    return clean


def _module(step: Step) -> nn.Module:
    tensors, sizes = step.tensors, step.sizes
    if step.op == "conv":
        return _filled(_conv(step), tensors)
    if step.op == "linear":
        outputs, inputs = tensors["weight"].shape
        return _filled(nn.Linear(inputs, outputs, "bias" in tensors), tensors)
    if step.op == "norm":
        norm = nn.BatchNorm2d if sizes["image"] else nn.BatchNorm1d
        names = {"mean": "running_mean", "variance": "running_var"}
        own = {names.get(name, name): tensor for name, tensor in tensors.items()}
        return _filled(norm(len(tensors["mean"]), eps=sizes["epsilon"]), own)
    if step.op == "relu":
        limit = sizes["limit"]
        return nn.ReLU() if limit is None else nn.Hardtanh(0.0, limit)
    if step.op == "max_pool":
        return nn.MaxPool2d(sizes["kernel"], sizes["stride"], sizes["padding"])
    if step.op == "mean":
        return nn.AdaptiveAvgPool2d(1)
    if step.op == "flatten":
        return nn.Flatten()
    raise FloatGraphError(f"{step.name}: {step.op} has no integer form")


def _conv(step: Step) -> nn.Conv2d:
    outputs, inputs, down, across = step.tensors["weight"].shape
    groups = step.sizes["groups"]
    return nn.Conv2d(
        inputs * groups,
        outputs,
        (down, across),
        stride=step.sizes["stride"],
        padding=step.sizes["padding"],
        dilation=step.sizes["dilation"],
        groups=groups,
        bias="bias" in step.tensors,
    )


def _filled(module: Any, tensors: Any) -> nn.Module:
    """The module with these parameters and statistics."""
    own = module.state_dict()
    state = {name: _tensor(value, own[name]) for name, value in tensors.items()}
    module.load_state_dict(own | state)
    return module


def _tensor(value: Array, like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(value, dtype=like.dtype).reshape(like.shape)
