"""A float network as steps in order: the graph that ONNX files and PyTorch modules both become.

A step has one of the operations below. `lower` brings the steps into the order that calibration
takes: what only hands values on is gone, each pool stands behind its ReLU, and each addition has
the sums of a layer of weights on one side and a ReLU behind it. `module_of` makes a module of them.

| operation | inputs | tensors and sizes |
|---|---|---|
| conv | image | weight (O, I, KH, KW), bias; stride, padding, dilation, groups |
| linear | vector | weight (O, I), bias |
| norm | sums | weight, bias, mean, variance; epsilon |
| add | two | |
| relu | any | limit, None without one; lift, see `lifting` |
| max_pool | image | kernel, stride, padding |
| mean | image | over all of its pixels |
| flatten | image | |
| identity | any | |
| softmax | the last sums | its classes are those of the sums |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from truncmac.golden import IMAGE
from truncmac.golden.types import Array

__all__ = ["OPERATIONS", "FloatGraph", "FloatGraphError", "Step", "check_order", "lower"]

OPERATIONS = (
    *("add", "conv", "flatten", "identity", "linear", "max_pool", "mean", "norm", "relu"),
    "softmax",
)
WEIGHTED = ("conv", "linear")


class FloatGraphError(ValueError):
    """A part of a float network has no integer form; the message names it."""


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes
    ----------
    name : its own, which is also that of its output
    op : one of `OPERATIONS`
    inputs : names of steps, or "image"
    tensors, sizes : what the operation has, by name
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    tensors: Mapping[str, Array] = field(default_factory=dict, repr=False)
    sizes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FloatGraph:
    """Steps in the order in which they run; the output is that of the last one."""

    name: str
    steps: tuple[Step, ...]

    def users(self, name: str) -> list[Step]:
        """The steps that read what `name` gives."""
        return [step for step in self.steps if name in step.inputs]


def lower(graph: FloatGraph) -> FloatGraph:
    """The same network in the form that calibration takes.

    Raises
    ------
    FloatGraphError
        If a step has no such form: names it and the reason.
    """
    check_order(graph.steps)
    for rewrite in (_without_softmax, _without_identities, _pools_behind, _additions):
        graph = rewrite(graph)
    return graph


def _without_softmax(graph: FloatGraph) -> FloatGraph:
    """The classes of a softmax are those of what it reads."""
    steps = list(graph.steps)
    while steps and steps[-1].op == "softmax":
        steps.pop()
    for step in steps:
        if step.op == "softmax":
            raise FloatGraphError(f"{step.name}: a softmax is only known as the network's end")
    return replace(graph, steps=tuple(steps))


def _without_identities(graph: FloatGraph) -> FloatGraph:
    given: dict[str, str] = {}
    steps = []
    for step in graph.steps:
        inputs = tuple(given.get(name, name) for name in step.inputs)
        if step.op == "identity":
            given[step.name] = inputs[0]
        else:
            steps.append(replace(step, inputs=inputs))
    return replace(graph, steps=tuple(steps))


def _pools_behind(graph: FloatGraph) -> FloatGraph:
    """Each ReLU stands before the maximum pool that it followed, which gives the same."""
    while True:
        for place, step in enumerate(graph.steps):
            pool = next((s for s in graph.steps if s.name == step.inputs[0]), None)
            alone = pool is not None and len(graph.users(pool.name)) == 1
            if step.op == "relu" and pool is not None and pool.op == "max_pool" and alone:
                steps = list(graph.steps)
                first = steps.index(pool)
                # The names stay where the values are read
                steps[first] = replace(step, name=pool.name, inputs=pool.inputs)
                steps[place] = replace(pool, name=step.name, inputs=(pool.name,))
                graph = replace(graph, steps=tuple(steps))
                break
        else:
            return graph


def _additions(graph: FloatGraph) -> FloatGraph:
    """Each addition has sums on one side, and a ReLU that makes codes of it.

    Where codes meet codes, a layer of weights of its own, the identity, makes sums of one side.
    Where sums meet sums, a ReLU makes codes of one side, whose `lift` names it and the other side:
    see `lifting`.
    """
    sums: set[str] = set()  # what is not behind a ReLU
    channels = {IMAGE: 0}
    steps: list[Step] = []
    for step in graph.steps:
        first = step.inputs[0]
        channels[step.name] = channels[first]
        if step.op in WEIGHTED:
            channels[step.name] = len(step.tensors["weight"])
        if step.op in (*WEIGHTED, "norm"):
            sums.add(step.name)
        if step.op != "add":
            steps.append(step)
            continue
        open_sides = [name for name in step.inputs if name in sums]
        users = graph.users(step.name)
        rectified = bool(users) and all(user.op == "relu" for user in users)
        if open_sides and not rectified:
            raise FloatGraphError(
                f"{step.name}: adds sums that can be negative and has no ReLU behind it; codes "
                "hold 0 and above"
            )
        if len(open_sides) == 2:
            main, side = step.inputs
            if main == side or any(len(graph.users(name)) > 1 for name in step.inputs):
                raise FloatGraphError(
                    f"{step.name}: adds sums that others read too; put a ReLU after one of them"
                )
            lift = {"limit": None, "lift": (side, main)}
            steps.append(Step(f"{step.name}_side", "relu", (side,), sizes=lift))
            step = replace(step, inputs=(main, f"{step.name}_side"))
        if not open_sides:
            same = _same(f"{step.name}_codes", first, channels[first], step.name)
            steps.append(same)
            step = replace(step, inputs=(same.name, step.inputs[1]))
        sums.add(step.name)
        if rectified:
            steps.append(step)
            continue
        inner = replace(step, name=f"{step.name}_sum")  # nothing in it is negative
        steps += [inner, Step(step.name, "relu", (inner.name,), sizes={"limit": None})]
        sums.discard(step.name)
    return replace(graph, steps=tuple(steps))


def _same(name: str, source: str, channels: int, owner: str) -> Step:
    """A convolution that gives what it reads."""
    if channels == 0:
        raise FloatGraphError(f"{owner}: adds the image itself, which has no form here")
    weight = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    sizes: dict[str, Any] = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    return Step(name, "conv", (source,), {"weight": weight}, sizes)


def check_order(steps: Sequence[Step]) -> None:
    """Check that each step reads what stands before it; raise FloatGraphError if not."""
    known = {IMAGE}
    for step in steps:
        for name in step.inputs:
            if name not in known:
                raise FloatGraphError(f"{step.name}: reads {name!r}, which no step before it gives")
        known.add(step.name)
