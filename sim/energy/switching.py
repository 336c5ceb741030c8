"""How often bits of operands, products, sums and outputs toggle in a run, by its data alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truncmac.golden import WEIGHT_BITS, Gemm, truncate
from truncmac.hw.config import ACTIVATION_BITS, ArrayConfig, chunk_count
from truncmac.integers import ceil_div

__all__ = [
    "Switching",
    "activation_beats",
    "adder_toggles",
    "changed_bits",
    "density",
    "mean_switching",
    "sum_toggles",
    "toggles_of_adders",
    "weight_chunks",
    "weight_toggles",
]

Operands = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Switching:
    """What toggles in a run's data; the energy of each place follows one of these figures.

    Attributes
    ----------
    density : share of ones among the bits of the activations, 0..1; the zeros of idle lanes count,
        those of idle rows do not
    weight_toggles : bits of a lane's weight that differ from one chunk to the next, the mean over
        columns that hold outputs
    adder_toggles : bits of a PE's products and of the sums of its adders that differ from one chunk
        to the next, the mean over PEs that hold outputs
    sum_toggles : bits in which a sum S differs from the one before it at its output unit, the mean
        over all sums, those of idle rows and columns included
    """

    density: float
    weight_toggles: float
    adder_toggles: float
    sum_toggles: float


def mean_switching(
    parts: Sequence[Gemm], config: ArrayConfig, used: tuple[float, float]
) -> Switching:
    """The mean switching of the parts of a layer.

    Parameters
    ----------
    parts : parts of one column tile each, filled up to whole tiles
    used : shares of the tiles' rows and of their columns that hold outputs
    """
    measures = (density, weight_toggles, adder_toggles, sum_toggles)
    found: dict[bytes, list[float]] = {}
    keys = [part.activations.tobytes() + part.codes.tobytes() for part in parts]
    for key, part in zip(keys, parts, strict=True):
        if key not in found:  # a small layer's parts come more than once
            found[key] = [measure(part, config) for measure in measures]
    ones, changed, added, summed = np.mean([found[key] for key in keys], axis=0).tolist()
    rows, columns = used
    return Switching(ones / rows, changed / columns, added / (rows * columns), summed)


def density(gemm: Gemm, config: ArrayConfig) -> float:
    """Share of ones among the bits of a layer's activations; the zeros of idle lanes count."""
    rows, reduction = gemm.activations.shape
    bits = ACTIVATION_BITS * rows * ceil_div(reduction, config.lanes) * config.lanes
    return float(np.unpackbits(gemm.activations).sum()) / bits


def sum_toggles(part: Gemm, config: ArrayConfig) -> float:
    """Mean number of bits in which a sum S differs from the one before it at its output unit.

    Parameters
    ----------
    part : a part of one column tile, filled up to whole tiles
    """
    return changed_bits(part.sums(), config)


def changed_bits(sums: npt.NDArray[np.int64], config: ArrayConfig) -> float:
    """The same as `sum_toggles`, of the sums (rows, columns) of one column tile."""
    turns = sums.reshape(-1, config.requantisers)  # the unit's columns take turns, row by row
    changed = (turns[1:] ^ turns[:-1]) & (1 << config.sum_width) - 1
    return float(np.bitwise_count(changed).mean()) if changed.size else 0.0


def weight_toggles(gemm: Gemm, config: ArrayConfig) -> float:
    """Mean number of bits of a lane's weight that differ from one chunk to the next."""
    chunks = weight_chunks(gemm.codes, gemm.bits, config)
    return _toggles(chunks) / chunks.size


def adder_toggles(part: Gemm, config: ArrayConfig) -> float:
    """Mean number of bits of a PE that differ from one chunk to the next, over chunks and PEs.

    The bits are those of a product for each lane and plane (activation x weight bit), and of the
    sums of balanced trees over these products: over lanes, then over planes. For whole multipliers
    (planes = 8) it is over planes, then over lanes. The last chunk counts as the one before the
    first, as in the runs of `characterise.lockstep`.

    Parameters
    ----------
    part : a part of one column tile, filled up to whole tiles
    """
    weights = weight_chunks(part.codes, part.bits, config)
    tiles = len(part.activations) // config.rows
    beats = activation_beats(part.activations, config)
    beats = beats.reshape(len(beats), tiles, config.rows, config.lanes).swapaxes(0, 1)
    chunks = chunk_count(part.bits, config.planes)
    activations = np.repeat(beats.reshape(-1, config.rows, 1, config.lanes), chunks, axis=0)
    toggles = toggles_of_adders(activations, np.tile(weights[:, None], (tiles, 1, 1, 1)), config)
    return toggles / (len(activations) * config.rows * config.cols)


def toggles_of_adders(activations: Operands, weights: Operands, config: ArrayConfig) -> float:
    """Total number of bits that differ, counted as in `adder_toggles`, over all PEs and chunks.

    Parameters
    ----------
    activations, weights : uint32 arrays (chunks, PEs..., lanes) that broadcast to each other
    """
    products = [activations * (weights >> plane & 1) for plane in range(config.planes)]
    toggles = sum(map(_toggles, products))
    shifted = [product << np.uint32(plane) for plane, product in enumerate(products)]
    if config.planes == WEIGHT_BITS:
        more, product = _tree(shifted)
        return toggles + more + _tree(_lanes(product))[0]
    found = [_tree(_lanes(product)) for product in shifted]
    return toggles + sum(more for more, _ in found) + _tree([total for _, total in found])[0]


def weight_chunks(codes: npt.NDArray[np.uint8], bits: int, config: ArrayConfig) -> Operands:
    """Chunks of weight codes (K, columns) in the order of a PE: (chunks, columns, lanes)."""
    lanes, planes = config.lanes, config.planes
    chunks, columns = chunk_count(bits, planes), codes.shape[1]
    filled = np.pad(codes, ((0, -len(codes) % lanes), (0, 0)))
    words = truncate(filled, bits).astype(np.uint32) << chunks * planes - bits
    shifts = np.arange(chunks - 1, -1, -1, dtype=np.uint32) * planes  # MSB first
    cut = words[:, None] >> shifts[:, None] & (1 << planes) - 1
    ordered = cut.reshape(-1, lanes, chunks, columns).transpose(0, 2, 3, 1)
    return ordered.reshape(-1, columns, lanes)


def activation_beats(activations: npt.NDArray[np.uint8], config: ArrayConfig) -> Operands:
    """Beats of activations (rows, K), as (beats, rows, lanes)."""
    filled = np.pad(activations, ((0, 0), (0, -activations.shape[1] % config.lanes)))
    beats = filled.reshape(len(filled), -1, config.lanes).swapaxes(0, 1)
    return beats.astype(np.uint32)


def _lanes(product: Operands) -> list[Operands]:
    return [product[..., lane] for lane in range(product.shape[-1])]


def _tree(terms: Sequence[Operands]) -> tuple[float, Operands]:
    """Toggles of the adders of a balanced tree, as `hw.tree.adder_tree` builds it; and its sum."""
    terms, toggles = list(terms), 0.0
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        toggles += sum(map(_toggles, pairs))
        terms = pairs + terms[len(pairs) * 2 :]
    return toggles, terms[0]


def _toggles(values: Operands) -> float:
    """Number of bits that differ from each value to the next, along the first axis and round."""
    inner = np.bitwise_count(values[1:] ^ values[:-1]).sum(dtype=np.int64)
    return float(inner + np.bitwise_count(values[0] ^ values[-1]).sum(dtype=np.int64))
