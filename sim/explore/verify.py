"""Runs points of an exploration on the RTL: every output and every counter must be the models'.

A workload that is a network runs whole, on its images, with its weights. A workload of shapes
alone has no data: each different layer runs cut to a few tiles, with its whole reduction, on
random codes. What is compared is the core: its outputs with golden, its counters with the closed
form that the exploration counts with. Scratchpads and DRAM are a model, and are not in the RTL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden import Gemm, Requantisation, network_gemms, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import Products, Sizes, count_sequence
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.workloads.names import network_of, workload_by_name
from truncmac.sim.workloads.shapes import LayerShape

from .evaluation import Evaluator
from .loads import network_images

__all__ = ["Verdict", "chosen_rows", "point_gemms", "verify_row"]

Rows = dict[str, npt.NDArray[Any]]
Row = dict[str, Any]
TILES = 2  # along M and N, and a part of one more
IMAGES = 1


@dataclass(frozen=True)
class Verdict:
    """What the RTL of a row said.

    Attributes
    ----------
    layers, outputs, counters : compared
    cut : the layers were cut to a few tiles, on random codes
    differences : a line for each layer in which something differs
    """

    layers: int
    outputs: int
    counters: int
    cut: bool
    differences: Sequence[str]


def chosen_rows(front: Rows, sample: Rows, count: int, seed: int) -> list[Row]:
    """`count` rows of the fronts, evenly spread over them, and as many at random.

    A row is there once, of each design, workload and k.
    """
    rows: dict[tuple[int, str, int], Row] = {}
    total = len(front["point"]) if front else 0
    places = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))
    others = len(sample["point"]) if sample else 0
    drawn = np.random.default_rng(seed).permutation(others)[:count]
    for source, indices in ((front, places), (sample, drawn)):
        for index in indices:
            row = {name: column[index].item() for name, column in source.items()}
            rows.setdefault((row["point"], row["workload"], row["bits"]), row)
    return list(rows.values())


def point_gemms(evaluator: Evaluator, row: Row) -> tuple[list[Gemm], bool]:
    """Products of a row's workload at its k, and whether they are cut and random."""
    name, bits = row["workload"], int(row["bits"])
    network = network_of(name)
    if network is not None:
        try:
            images, _ = network_images(evaluator.spec, name, network)
        except ValueError:
            images = None
        if images is not None:
            return network_gemms(network, images[:IMAGES], bits), False
    rng = np.random.default_rng(evaluator.spec.seed)
    config = _config(evaluator, row)
    shapes: dict[tuple[object, ...], Gemm] = {}
    for layer in workload_by_name(name).layers:
        key = (layer.rows, layer.reduction, layer.columns, layer.at(bits), layer.raw)
        if key not in shapes:
            shapes[key] = _random_gemm(layer, layer.at(bits), config, rng)
    return list(shapes.values()), True


def _config(evaluator: Evaluator, row: Row) -> ArrayConfig:
    config = evaluator.config(row)
    if config is None:
        raise RuntimeError(f"Point {row['point']} has no array")  # it was evaluated before
    return config


def _random_gemm(
    layer: LayerShape, bits: int, config: ArrayConfig, rng: np.random.Generator
) -> Gemm:
    """A layer cut to a few tiles; requantised so that codes are spread over their range."""
    rows = min(layer.rows, TILES * config.rows + 1)
    columns = min(layer.columns, TILES * config.cols + 1)
    activations = rng.integers(0, 256, (rows, layer.reduction), dtype=np.uint8)
    codes = rng.integers(0, 256, (layer.reduction, columns), dtype=np.uint8)
    requant = None
    if not layer.raw:
        most = (1 << config.multiplier_bits - 1) - 1
        shift = config.multiplier_bits - 2 + bits + int(layer.reduction).bit_length() // 2
        requant = Requantisation(
            multiplier=rng.integers(most // 2, most, columns),
            bias=np.full(columns, 128 << shift, np.int64),
            shift=np.full(columns, shift, np.int64),
            out_bits=8,
        )
    return Gemm(layer.name, activations, codes, bits, weight_offset(bits), requant)


def verify_row(
    evaluator: Evaluator,
    row: Row,
    *,
    build_root: Path = Path("build/sim"),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verdict:
    """Build the array of a row and run its workload.

    Parameters
    ----------
    on_progress : called with the layers done, and how many there are
    """
    config = _config(evaluator, row)
    gemms, cut = point_gemms(evaluator, row)
    outcomes = simulate(
        gemms,
        config,
        build_root=build_root,
        on_progress=lambda done: on_progress(done, len(gemms)),
    )
    expected = count_sequence(Products.of(gemms), Sizes.of(config)).rows()
    differences = []
    for outcome, counters in zip(outcomes, expected, strict=True):
        where = f"point {row['point']}, {row['workload']}, k = {row['bits']}, layer "
        where += repr(outcome.gemm.name)
        if outcome.mismatches:
            differences.append(f"{where}: {outcome.mismatches} outputs differ from golden")
        for name, value in outcome.counters.items():
            if counters[name] != value:
                differences.append(f"{where}: {name} is {value} on the RTL, {counters[name]} here")
    return Verdict(
        layers=len(gemms),
        outputs=sum(outcome.outputs.size for outcome in outcomes),
        counters=sum(len(outcome.counters) for outcome in outcomes),
        cut=cut,
        differences=differences,
    )
