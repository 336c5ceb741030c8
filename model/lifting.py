"""Sums that other sums are added to: a constant lifts one side above 0, so that codes hold it."""

from dataclasses import replace

import numpy as np
import torch

from truncmac.golden.types import Array, Codes

from .assembly import module_of
from .floats import FloatGraph, Step
from .training import real

__all__ = ["lifted"]

IMAGES = 256  # that the constant is taken from


@torch.no_grad()
def lifted(graph: FloatGraph, images: Codes, percentile: float = 99.9) -> FloatGraph:
    """The graph with each `lift` of a ReLU done: what is added before it is taken off beside it.

    Parameters
    ----------
    graph : what `lower` gives
    images : uint8 (n, C, H, W), codes that stand for code / 255
    percentile : so many of the values, in percent, are above 0 then

    Returns
    -------
    a graph that gives the same, but where the values that are lowest are cut off
    """
    steps = list(graph.steps)
    for place, step in enumerate(steps):
        lift = step.sizes.get("lift")
        if lift is None:
            continue
        side, main = (next(i for i, s in enumerate(steps) if s.name == name) for name in lift)
        module = module_of(replace(graph, steps=tuple(steps[: side + 1])))
        values = module(real(images[:IMAGES])).numpy()
        constant = max(-float(np.percentile(values, 100 - percentile)), 0.0)
        steps[side] = _moved(steps[side], constant)
        steps[main] = _moved(steps[main], -constant)
        steps[place] = replace(step, sizes={"limit": None})
    return replace(graph, steps=tuple(steps))


def _moved(step: Step, constant: float) -> Step:
    """A layer of weights or a norm that gives `constant` more."""
    weight: Array = step.tensors["weight"]
    bias = step.tensors.get("bias", np.zeros(len(weight), np.float32))
    return replace(step, tensors={**step.tensors, "bias": bias + np.float32(constant)})
