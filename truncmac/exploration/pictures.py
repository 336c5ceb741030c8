"""A picture of the fronts of an exploration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from truncmac.plots import save_figure
from truncmac.sim.explore.fronts import Fronts
from truncmac.sim.extras import extra_needed

__all__ = ["draw"]


def draw(fronts: Fronts, sample: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Draw the first of two objectives or more against the second: fronts, and dots beside them.

    Raises
    ------
    RuntimeError
        If matplotlib is missing.
    """
    with extra_needed("Exploring", "explore"):
        from matplotlib.figure import Figure
    y, x, *_ = fronts.objectives
    some = len(sample.get("point", ())) > 0
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    if some:
        axes.plot(
            sample[x],
            sample[y],
            ".",
            color="0.75",
            markersize=3,
            label="other designs",
            rasterized=True,
        )
    for (workload, k), front in fronts.groups.items():
        if len(front):
            order = front.table[x].argsort(kind="stable")
            label = f"{workload or fronts.spec.front}{f', k = {k}' if k else ''}"
            axes.plot(front.table[x][order], front.table[y][order], "o-", markersize=4, label=label)
    if some:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.legend()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    save_figure(figure, path)
