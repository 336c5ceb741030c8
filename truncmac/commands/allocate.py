"""What `truncmac allocate` does: a bit-width for each layer, measured, shown and exported."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from truncmac.golden import Network, Recalibration, images_by_name, network_by_name, save
from truncmac.hw.config import ArrayConfig
from truncmac.plots import new_figure, save_figure
from truncmac.sim.allocate.allocation import Allocation, Scorer, find_allocation
from truncmac.sim.allocate.choices import MeasuredPoint, Score
from truncmac.sim.allocate.costs import COSTS, LayerCosts
from truncmac.terminal import Terminal, new_table

from .progress import progress_bar

__all__ = ["AllocateRequest", "allocate"]

FEW_LAYERS = 12  # whose k are set apart in a table
console = Terminal()


@dataclass(frozen=True, kw_only=True)
class AllocateRequest:
    """What is asked for.

    Attributes
    ----------
    network : a name or a file, as `network_by_name` takes it
    config : the array whose cycles or energy are counted
    data : images with labels; None: those of the named network
    bits : bit-widths to choose from; None: all that the network has
    budget : as `parse_budget` takes it; None: no choice is made
    points : choices to measure, over all costs
    calibrate : how many of the images only move biases
    cost : what is counted
    """

    network: str
    config: ArrayConfig
    data: Path | None = None
    bits: Sequence[int] | None = None
    budget: str | None = None
    points: int = 24
    calibrate: int = 128
    cost: Literal["cycles", "energy"] = "cycles"


def allocate(
    request: AllocateRequest, *, plot: Path | None, export: Path | None, as_json: bool
) -> None:
    """Print tables or JSON, draw the front, and write the network that the budget allows."""
    if export is not None and request.budget is None:
        raise ValueError("--export must come with --budget, which chooses what is written")
    network = network_by_name(request.network)
    scorer = _scorer(network, request)
    with console.status(f"Counting {request.cost} of the layers ..."):
        costs = COSTS[request.cost](network, request.config, scorer.images)
    widths = request.bits or network.bit_widths
    largest = sum(costs.of(layer.name, layer.bits or max(widths)) for layer in network.products)
    budget = None if request.budget is None else parse_budget(request.budget, largest)
    with progress_bar(console, quiet=as_json) as progress:
        task = progress.add_task("Measuring", total=None)
        result = find_allocation(
            scorer,
            costs.of,
            widths=widths,
            points=request.points,
            budgets=() if budget is None else (budget,),
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    chosen = None if budget is None else result.best(budget)
    if as_json:
        print(json.dumps(as_dictionary(scorer, request, costs, result, chosen), indent=2))
    else:
        console.print(sensitivity_table(network, result))
        console.print(front_table(scorer, costs, result, chosen))
    files = []
    if plot is not None:
        draw(network, costs, result, chosen, plot)
        files.append(plot)
    if export is not None and chosen is not None:
        save(scorer.at(chosen.bits), export)
        files.append(export)
    for file in () if as_json else files:
        console.print(f"Written: {file}", soft_wrap=True)


def parse_budget(text: str, largest: float) -> float:
    """Cost of a budget such as `5000`, or `60%` of the `largest`."""
    number = text.strip().removesuffix("%")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise ValueError(f"Budget must be a number, or a share such as 60%, not {text!r}")
    return value * largest / 100 if text.strip().endswith("%") else value


def _scorer(network: Network, request: AllocateRequest) -> Scorer:
    """A scorer that recalibrates on a part of the images, and measures on the others."""
    images, labels = images_by_name(
        request.network, request.data, network, ask="give its images and labels with --data"
    )
    if labels is None:
        raise ValueError(f"{request.data}: must hold labels too, so that accuracy can be measured")
    if request.calibrate >= len(images):
        raise ValueError(
            f"--calibrate must be less than the {len(images)} images, not {request.calibrate}"
        )
    kept = len(images) - request.calibrate
    moves = Recalibration.of(network, images[kept:]) if request.calibrate else None
    return Scorer(network, images[:kept], labels[:kept], moves)


def sensitivity_table(network: Network, result: Allocation) -> Table:
    """A line for each layer: the loss and the accuracy with it alone truncated to each k."""
    title = f"Network {network.name}: each layer truncated alone"
    widths = sorted({k for scores in result.sensitivities.values() for k in scores}, reverse=True)
    columns = ["layer", *(f"k={k}: loss, accuracy" for k in widths)]
    rows = [
        [name, *(_both(scores[k]) for k in widths)] for name, scores in result.sensitivities.items()
    ]
    full = next(point for point in reversed(result.points) if point.uniform)
    caption = f"All at k={full.uniform}: {_both(full.score)}"
    return new_table(columns, rows, words=("layer",), title=title, caption=caption)


def _both(score: Score) -> str:
    return f"{score.loss:.4f}  {score.accuracy:7.2%}"


def front_table(
    scorer: Scorer, costs: LayerCosts, result: Allocation, chosen: MeasuredPoint | None
) -> Table:
    """A line for each point of the front or with one k for all layers, cheapest first."""
    count, words = len(scorer.images), ("k of each layer", "")
    table = new_table(
        (costs.unit, "share", "accuracy", "loss", *words),
        words=words,
        title=f"Network {scorer.network.name}: measured on {count} images",
    )
    front, largest = result.front, result.points[-1].cost
    space = " " if len(result.points[0].bits) <= FEW_LAYERS else ""
    for point in result.points:
        if point not in front and point.uniform is None:
            continue
        score = point.score
        notes = ["front"] if point in front else []
        notes += ["uniform"] if point.uniform else []
        notes += ["chosen"] if point == chosen else []
        table.add_row(
            f"{point.cost:,.0f}",
            f"{point.cost / largest:.1%}",
            f"{score.accuracy:.2%}",
            f"{score.loss:.4f}",
            space.join(map(str, point.bits.values())),
            ", ".join(notes),
            style="bold" if point == chosen else None,
        )
    moved = scorer.recalibration
    biases = "as exported" if moved is None else f"adjusted on {len(moved.images)} other images"
    table.caption = f"Layers: {', '.join(result.points[0].bits)}\nBiases {biases}\n{costs.about}"
    return table


def as_dictionary(
    scorer: Scorer,
    request: AllocateRequest,
    costs: LayerCosts,
    result: Allocation,
    chosen: MeasuredPoint | None,
) -> dict[str, object]:
    """The tables' numbers, and every point that was measured."""
    front, config, moved = result.front, request.config, scorer.recalibration

    def entry(point: MeasuredPoint) -> dict[str, object]:
        score = asdict(point.score)
        return {
            "bits": dict(point.bits),
            costs.key: round(point.cost),
            **score,
            "predicted_growth": point.growth,
            "front": point in front,
        }

    scores: Mapping[str, Mapping[int, Score]] = result.sensitivities
    return {
        "network": scorer.network.name,
        "array": {name: getattr(config, name) for name in ("rows", "cols", "lanes", "planes")},
        "images": len(scorer.images),
        "calibration_images": 0 if moved is None else len(moved.images),
        "sensitivities": {
            name: {str(k): asdict(score) for k, score in of_layer.items()}
            for name, of_layer in scores.items()
        },
        "points": [entry(point) for point in result.points],
        "chosen": None if chosen is None else entry(chosen),
    }


def draw(
    network: Network,
    costs: LayerCosts,
    result: Allocation,
    chosen: MeasuredPoint | None,
    path: Path,
) -> None:
    """Draw accuracy against cost: all points, the front, the uniform ones, and the chosen one."""
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    uniform = [point for point in result.points if point.uniform]
    groups: dict[str, tuple[Sequence[MeasuredPoint], dict[str, Any]]] = {
        "measured": (result.points, {"color": "0.6", "marker": ".", "linestyle": ""}),
        "Pareto front": (result.front, {"marker": "o", "drawstyle": "steps-post"}),
        "uniform": (uniform, {"marker": "s", "linestyle": "", "fillstyle": "none"}),
    }
    if chosen is not None:
        groups["chosen"] = ([chosen], {"marker": "*", "linestyle": "", "markersize": 16})
    for label, (points, style) in groups.items():
        prices = [point.cost for point in points]
        axes.plot(prices, [100 * point.score.accuracy for point in points], label=label, **style)
    for point in uniform:
        place = (point.cost, 100 * point.score.accuracy)
        axes.annotate(f"k={point.uniform}", place, xytext=(6, -12), textcoords="offset points")
    axes.set_xlabel(f"{costs.unit} of one image")
    axes.set_ylabel("accuracy (%)")
    axes.set_title(f"{network.name}: a bit-width for each layer")
    axes.margins(x=0.08)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    save_figure(figure, path)
