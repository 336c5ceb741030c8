"""Runs entries of an exploration on the RTL and compares every output and every counter.

A workload that is a network runs whole, on its images, with its weights. A workload of shapes
alone has no data: each different layer runs cut to a few tiles, with its whole reduction, on
random codes. The core's outputs are compared with golden, and its counters with the closed form
that the exploration counts with. Scratchpads and DRAM are a model and are not in the RTL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden import Gemm, Requantisation, network_gemms, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_sequence
from truncmac.sim.cycles.points import Products, Sizes
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.workloads.names import network_of, workload_by_name
from truncmac.sim.workloads.shapes import LayerShape

from .evaluation import Evaluator
from .loads import network_images
from .tables import Table

__all__ = ["Verdict", "choose_entries", "gemms_of_entry", "verify_entry"]

Entry = dict[str, Any]  # plain values by column
TILES = 2  # whole tiles along M and N, with a part of one more
IMAGES = 1  # that a network runs on


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the RTL of an entry's array computed and counted, compared with the models.

    Attributes
    ----------
    layers, outputs, counters : how many were compared
    cut : the layers were cut to a few tiles, and their codes random
    differences : a line for each layer whose outputs differ, and for each counter that differs
    """

    layers: int
    outputs: int
    counters: int
    cut: bool
    differences: Sequence[str]


def choose_entries(front: Table, sample: Table, count: int, seed: int) -> list[Entry]:
    """Choose `count` entries of the fronts, evenly spread over them, and as many of the sample.

    Those of the sample are drawn at random. No entry is chosen twice.
    """
    entries: dict[tuple[int, str, int], Entry] = {}
    total = len(front["point"]) if front else 0
    places = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))
    others = len(sample["point"]) if sample else 0
    drawn = np.random.default_rng(seed).permutation(others)[:count]
    for source, indices in ((front, places), (sample, drawn)):
        for index in indices:
            entry = {name: column[index].item() for name, column in source.items()}
            entries.setdefault((entry["point"], entry["workload"], entry["bits"]), entry)
    return list(entries.values())


def gemms_of_entry(evaluator: Evaluator, entry: Entry) -> tuple[list[Gemm], bool]:
    """The products of an entry's workload at its k, and whether they are cut and random."""
    name, bits = entry["workload"], int(entry["bits"])
    network = network_of(name)
    if network is not None:
        try:
            images, _ = network_images(evaluator.spec, name, network)
        except ValueError:
            images = None
        if images is not None:
            return network_gemms(network, images[:IMAGES], bits), False
    rng = np.random.default_rng(evaluator.spec.seed)
    config = _config(evaluator, entry)
    shapes: dict[tuple[object, ...], Gemm] = {}
    for layer in workload_by_name(name).layers:
        key = (layer.rows, layer.reduction, layer.columns, layer.at(bits), layer.raw)
        if key not in shapes:
            shapes[key] = _random_gemm(layer, layer.at(bits), config, rng)
    return list(shapes.values()), True


def _config(evaluator: Evaluator, entry: Entry) -> ArrayConfig:
    config = evaluator.config(entry)
    if config is None:
        raise RuntimeError(f"Point {entry['point']} has no array")  # it was evaluated before
    return config


def _random_gemm(
    layer: LayerShape, bits: int, config: ArrayConfig, rng: np.random.Generator
) -> Gemm:
    """A layer cut to a few tiles, requantised so that its output codes spread over their range."""
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


def verify_entry(
    evaluator: Evaluator,
    entry: Entry,
    *,
    build_root: Path = Path("build/sim"),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Verdict:
    """Build the array of an entry, run its workload, and compare it with the models.

    Parameters
    ----------
    build_root : folder for what is built
    on_progress : called with the number of layers that are done, and that of all
    """
    config = _config(evaluator, entry)
    gemms, cut = gemms_of_entry(evaluator, entry)
    outcomes = simulate(
        gemms,
        config,
        build_root=build_root,
        on_progress=lambda done: on_progress(done, len(gemms)),
    )
    expected = count_sequence(Products.of(gemms), Sizes.of(config)).rows()
    differences = []
    for outcome, counters in zip(outcomes, expected, strict=True):
        where = f"point {entry['point']}, {entry['workload']}, k = {entry['bits']}, layer "
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
