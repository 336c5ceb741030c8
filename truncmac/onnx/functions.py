"""Functions of one tensor, element by element: Relu, Clip, and those that become tables."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from truncmac.golden import NetworkFileError
from truncmac.golden.types import Reals

from .attributes import only
from .draft import Draft
from .read import Node
from .registry import handles
from .streams import plain_stream
from .sums import open_sums
from .tables import of_each
from .values import (
    Activations,
    Constant,
    ConstantLevels,
    Joined,
    Levels,
    Mapped,
    Mean,
    Raw,
    Scores,
    Sums,
    Value,
    channels_of,
    scalar,
)
from .weights import CLOSE

__all__ = ["read_clip", "read_floor", "read_function", "read_prelu", "read_relu", "read_round"]

Function = Callable[[Reals, Callable[[str, float], float]], Reals]  # of reals and attributes


def _gelu(x: Reals) -> Reals:
    return x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def _tanh_gelu(x: Reals) -> Reals:
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _sigmoid(x: Reals) -> Reals:
    return np.exp(-np.logaddexp(0, -x))


FUNCTIONS: Mapping[str, tuple[tuple[str, ...], Function]] = {
    "Abs": ((), lambda x, a: np.abs(x)),
    "Celu": (
        ("alpha",),
        lambda x, a: np.where(x < 0, a("alpha", 1) * np.expm1(x / a("alpha", 1)), x),
    ),
    "Elu": (("alpha",), lambda x, a: np.where(x < 0, a("alpha", 1) * np.expm1(x), x)),
    "Erf": ((), lambda x, a: np.vectorize(math.erf)(x)),
    "Exp": ((), lambda x, a: np.exp(x)),
    "HardSigmoid": (
        ("alpha", "beta"),
        lambda x, a: np.clip(a("alpha", 0.2) * x + a("beta", 0.5), 0, 1),
    ),
    "HardSwish": ((), lambda x, a: x * np.clip(x / 6 + 0.5, 0, 1)),
    "LeakyRelu": (("alpha",), lambda x, a: np.where(x < 0, a("alpha", 0.01) * x, x)),
    "Mish": ((), lambda x, a: x * np.tanh(np.logaddexp(0, x))),
    "Neg": ((), lambda x, a: -x),
    "Selu": (
        ("alpha", "gamma"),
        lambda x, a: (
            a("gamma", 1.0507010221481323)
            * np.where(x < 0, a("alpha", 1.6732631921768188) * np.expm1(x), x)
        ),
    ),
    "Sigmoid": ((), lambda x, a: _sigmoid(x)),
    "Softplus": ((), lambda x, a: np.logaddexp(0, x)),
    "Softsign": ((), lambda x, a: x / (1 + np.abs(x))),
    "Swish": (("alpha",), lambda x, a: x * _sigmoid(a("alpha", 1) * x)),
    "Tanh": ((), lambda x, a: np.tanh(x)),
    "ThresholdedRelu": (("alpha",), lambda x, a: np.where(x > a("alpha", 1), x, 0)),
}


@handles(*FUNCTIONS)
def read_function(draft: Draft, node: Node) -> Value:
    """A table of what each code becomes."""
    known, function = FUNCTIONS[node.op]
    only(node, *known)
    return _tabled(draft, node, lambda x: function(x, _numbers(node)))


@handles("Gelu")
def read_gelu(draft: Draft, node: Node) -> Value:
    """The exact one, or that by tanh."""
    only(node, "approximate")
    by_tanh = node.attributes.get("approximate", "none") == "tanh"
    return _tabled(draft, node, _tanh_gelu if by_tanh else _gelu)


@handles("PRelu")
def read_prelu(draft: Draft, node: Node) -> Value:
    """A Relu whose slope below 0 is a constant, of each channel its own or one."""
    only(node)
    value, slope = draft.value(node, 0), draft.constant(node, 1).astype(np.float64)
    shape = draft.shape(value)
    each = channels_of(slope, draft.rank(slope, shape), shape[0])
    each = each[:1] if (each == each[0]).all() else each[:, None]
    return _tabled(draft, node, lambda x: np.where(x < 0, each * x, x))


def _tabled(draft: Draft, node: Node, function: Callable[[Reals], Reals]) -> Value:
    value = draft.value(node, 0)
    if node.op == "Sigmoid" and isinstance(value, Sums) and node.outputs[0] == draft.output:
        draft.note("Sigmoid is left out: the logits put an image into the same class.")
        return Scores(value)
    if isinstance(value, Mean):
        value = Activations(plain_stream(draft, value))
    found = of_each([value], function)
    if found is None:
        raise NetworkFileError("takes something other than codes; put a Quant before it")
    return found


def _numbers(node: Node) -> Callable[[str, float], float]:
    """The attributes of a node that are numbers, with their defaults."""

    def number(key: str, default: float) -> float:
        value = node.attributes.get(key, default)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise NetworkFileError(f"must have a number as {key}, not {value!r}")
        return float(value)

    return number


@handles("Relu")
def read_relu(draft: Draft, node: Node) -> Value:
    """The quantiser behind a layer clamps at 0; codes whose zero point is 0 stay as they are."""
    value = draft.value(node, 0)
    if isinstance(value, Mean) and value.source.zero == 0:
        return value
    if isinstance(value, Activations) and plain_stream(draft, value).zero == 0:
        return value
    return _clamped(draft, value, 0.0, math.inf)


@handles("Clip")
def read_clip(draft: Draft, node: Node) -> Value:
    """Fewer levels than the 8 bits of a QuantizeLinear have; bounds of sums, as of a ReLU6."""
    only(node, "min", "max")
    value, numbers = draft.value(node, 0), _numbers(node)
    ends = (("min", -math.inf), ("max", math.inf))
    low, high = (
        numbers(key, end)
        if key in node.attributes
        else scalar(draft.constant(node, i, np.array(end)), "bound")
        for i, (key, end) in enumerate(ends, 1)
    )
    if isinstance(value, Levels):
        inside = value.low <= low <= high <= value.high
        if not inside or low != int(low) or high != int(high):
            raise NetworkFileError("must keep whole levels of its QuantizeLinear")
        return replace(value, low=int(low), high=int(high))
    if not low <= high:
        raise NetworkFileError("has an upper bound below its lower one")
    if isinstance(value, ConstantLevels):
        return replace(value, array=np.clip(value.array, low, high))
    if isinstance(value, Constant):
        return Constant(np.clip(value.array, low, high).astype(value.array.dtype))
    if not isinstance(value, Activations | Mapped | Mean | Joined | Sums):
        raise NetworkFileError("limits a tensor that is not quantised; use a Relu and a Quant")
    return _clamped(draft, value, low, high)


def _clamped(draft: Draft, value: Value, low: float, high: float) -> Value:
    if isinstance(value, Joined):
        return Joined(tuple(_clamped(draft, part, low, high) for part in value.parts))
    found = None
    if isinstance(value, Activations | Mapped):
        found = of_each([value], lambda x: np.clip(x, low, high))
    return found or open_sums(draft, value).clamped(low, high)


@handles("Floor")
def read_floor(draft: Draft, node: Node) -> Value:
    """The quantiser behind it rounds down."""
    return replace(open_sums(draft, draft.value(node, 0)), floor=True, mapped=None)


@handles("Round")
def read_round(draft: Draft, node: Node) -> Value:
    """A sum of codes, a mean times its count, is whole already; of an image codes are rounded."""
    value = draft.value(node, 0)
    if isinstance(value, Raw):
        return replace(value, rounded=True)
    if isinstance(value, Mean) and value.source.zero == 0:
        step = value.source.scale * value.factor / value.count
        if step > 0.5 and np.isclose(step, np.rint(step), CLOSE, 0):
            return value
    raise NetworkFileError("rounds something other than a whole sum of codes; use a Quant")
