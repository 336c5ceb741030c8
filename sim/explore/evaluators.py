"""Makes what evaluates the designs of a spec."""

from collections.abc import Callable

from truncmac.sim.fpga.results import read_placed

from .costs import read_figures
from .evaluation import Evaluator
from .loads import loads_of
from .npus import npu_evaluator
from .spec import ENERGY_COLUMNS, Spec

__all__ = ["evaluator_of"]


def evaluator_of(
    spec: Spec,
    on_progress: Callable[[str], None] = lambda what: None,
) -> Evaluator:
    """Read what `spec` names, and make what evaluates its designs.

    Parameters
    ----------
    on_progress : called with what is done next, in words

    Raises
    ------
    ValueError
        If a workload or a library cannot be read, or no design of the space has the figures that
        an objective or a constraint needs.
    """
    if spec.top == "npu":
        return npu_evaluator(spec, on_progress)
    figures = read_figures(spec.energy_library) if spec.energy_library is not None else None
    loads = loads_of(spec, on_progress)
    evaluator = Evaluator(
        spec=spec,
        loads=loads,
        max_reduction=max(int(load.layers.reduction.max()) for load in loads),
        figures=figures,
        placed=read_placed(spec.fpga) if spec.fpga is not None else None,
    )
    needing = sorted(spec.needed_columns & set(ENERGY_COLUMNS))
    if figures is not None and needing and not evaluator.pe_shapes & set(figures.shapes):
        known = ", ".join(map(str, sorted(figures.shapes)))
        raise ValueError(
            f"{needing[0]} needs figures of (lanes, planes), of which {figures.library} has {known}"
            ", and the space none"
        )
    return evaluator
