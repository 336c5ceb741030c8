"""Functional coverage: the situations that the runs must have met, counted from what they play."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise, product

import numpy as np

from tests.mutation.stimulus import Run, bad_commands
from truncmac.golden import Gemm
from truncmac.hw.command import CommandError
from truncmac.hw.config import ArrayConfig

__all__ = ["GROUPS", "covered"]

BITS = range(1, 9)
SHAPES = ("one output", "one beat", "longest", "one tile", "many tiles")
STALLS = ("none", "random", "by a rule")
OPERANDS = ("zeros", "all ones", "mixed")
OUTPUTS = ("sums", "codes", "codes with residual")
COMMAND_ERRORS = tuple(error.name for error in CommandError if error.value in range(1, 5))

# A group's points: every combination of what is named
GROUPS: Mapping[str, Sequence[Sequence[object]]] = {
    "k x shape": (BITS, SHAPES),
    "k x stalls": (BITS, STALLS),
    "k x outputs": (BITS, OUTPUTS),
    "shape x stalls": (SHAPES, STALLS),
    "activations x weights": (OPERANDS, OPERANDS),
    "k after k": (BITS, BITS),
    "error x stalls": (COMMAND_ERRORS, STALLS),
}


def covered(runs: Iterable[Run], config: ArrayConfig) -> Mapping[str, Mapping[tuple, int]]:
    """How often each point of each group was met; 0 for one that never was."""
    counts = {
        name: Counter({point: 0 for point in product(*axes)}) for name, axes in GROUPS.items()
    }
    for run in runs:
        stalls = _stalls(run)
        for gemm in run.gemms:
            shape = _shape(gemm, config)
            operands = tuple(map(_operand, (gemm.activations, gemm.codes)))
            for name, point in (
                ("k x shape", (gemm.bits, shape)),
                ("k x stalls", (gemm.bits, stalls)),
                ("k x outputs", (gemm.bits, _outputs(gemm))),
                ("shape x stalls", (shape, stalls)),
                ("activations x weights", operands),
            ):
                counts[name][point] += 1
        for before, after in pairwise(run.gemms):
            counts["k after k"][before.bits, after.bits] += 1
        if run.bad:
            errors = [error.name for _, error in bad_commands(config)]
            for index in range(len(run.gemms)):
                counts["error x stalls"][errors[index % len(errors)], stalls] += 1
    return counts


def _stalls(run: Run) -> str:
    if run.stalls.random:
        return "random"
    gaps = run.stalls.gaps
    slow = any(value > 1 for value in vars(gaps).values())
    return "by a rule" if slow else "none"


def _shape(gemm: Gemm, config: ArrayConfig) -> str:
    tests: Sequence[tuple[str, Callable[[], bool]]] = (
        ("one output", lambda: gemm.rows == gemm.columns == 1),
        ("longest", lambda: gemm.reduction == config.max_reduction),
        ("one beat", lambda: gemm.reduction <= config.lanes),
        ("one tile", lambda: config.tile_grid(gemm.rows, gemm.columns) == (1, 1)),
    )
    return next((name for name, test in tests if test()), "many tiles")


def _operand(values: np.ndarray) -> str:
    if not values.any():
        return "zeros"
    return "all ones" if np.all(values == 255) else "mixed"


def _outputs(gemm: Gemm) -> str:
    if gemm.requant is None:
        return "sums"
    return "codes" if gemm.residual is None else "codes with residual"
