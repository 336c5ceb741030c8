"""Places of a core: each register, with the logic before it, belongs to a place and to an event.

The energy of a run is a sum over places. Each adds the energy of one of its events, times the
number of these events, times how much of the place an event moves in an array of this size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

import numpy as np

from truncmac.hw.cluster import Cluster
from truncmac.hw.config import ACTIVATION_BITS, ArrayConfig
from truncmac.hw.token import Token

__all__ = ["COMPONENTS", "EVENTS", "PLACES", "Counts", "Place", "place_of"]

EVENTS = ("chunk", "beat", "tile", "set", "residual")
COMPONENTS = ("multiply_add", "registers", "accumulate", "drain", "edges")


@dataclass(frozen=True)
class Counts:
    """How often each event happens in a run; see `hw.counters`.

    Attributes
    ----------
    cycles, chunks, beats, tiles : the core's counters of these names
    sets : sets of parameters that were loaded, one for each `fresh` tile
    residual_rows : words of residual codes that were taken: rows, or two of them that leave at once
    raw_tiles : tiles whose outputs are the sums S themselves
    waiting : busy cycles that wait for operands or parameters, which is the sum of the counters
        stalled_activations, stalled_weights and stalled_parameters
    held : cycles in which blocked results hold the array, the counter stalled_output
    """

    cycles: float
    chunks: float
    beats: float
    tiles: float
    sets: float = 0.0
    residual_rows: float = 0.0
    raw_tiles: float = 0.0
    waiting: float = 0.0
    held: float = 0.0

    @property
    def working(self) -> float:
        """Cycles that neither wait nor are held."""
        return self.cycles - self.waiting - self.held

    def of(self, event: str) -> float:
        """How often an event happens, one of `EVENTS`."""
        return {
            "chunk": self.chunks,
            "beat": self.beats,
            "tile": self.tiles,
            "set": self.sets,
            "residual": self.residual_rows,
        }[event]


Size = Callable[[ArrayConfig], float]


@dataclass(frozen=True)
class Place:
    """A part of the core.

    Attributes
    ----------
    component : the part of the breakdown that it belongs to, one of `COMPONENTS`
    event : what makes it switch, one of `EVENTS`
    size : how much of it an array has; area, leakage and root clock are in proportion
    work : how much of it an event moves; the energy of its data is in proportion
    patterns : of the scopes of its registers, as "module/register"
    idle_columns : whether columns that hold no output stand still, as their weights are zeros
    idle_rows : whether rows that hold no output stand still, as their activations are zeros
    follows : the field of `Switching` that its energy follows
    clocked : how much of it an event clocks, if that differs from `work`
    by_cycle : whether a cycle takes energy of its own, beside that of the events
    """

    component: str
    event: str
    size: Size
    work: Size
    patterns: tuple[str, ...]
    idle_columns: bool = False
    idle_rows: bool = False
    follows: str = "density"
    clocked: Size | None = None
    by_cycle: bool = False

    @property
    def of_sums(self) -> bool:
        """Whether it moves sums or what is made of them, not activations or weights."""
        return self.follows == "sum_toggles"

    def clock_work(self, config: ArrayConfig) -> float:
        """How much of it an event clocks; the energy of its gated clock is in proportion."""
        return (self.clocked or self.work)(config)

    def use(self, rows_used: float, columns_used: float) -> float:
        """Share of its work that is done in rows and columns that hold outputs."""
        rows = rows_used if self.idle_rows else 1.0
        return rows * (columns_used if self.idle_columns else 1.0)

    def idle(self, rows_used: float, columns_used: float) -> tuple[float, float]:
        """Shares of its work that lie in rows and in columns that hold no output.

        Where a row and a column are both idle, nothing toggles: that work is in neither share.
        """
        rows = rows_used if self.idle_rows else 1.0
        columns = columns_used if self.idle_columns else 1.0
        return (1.0 - rows_used) * columns, (1.0 - columns_used) * rows


def _elements(config: ArrayConfig) -> float:
    return config.rows * config.cols


def _moves(config: ArrayConfig) -> float:
    """Sums that the drain of a tile moves: a row's sums go on through the rows below it.

    Where two rows leave at once, they pass every other row.
    """
    return config.cols * config.rows * (config.departures + 1) / 2


def _rows(config: ArrayConfig) -> float:
    return config.rows


def _columns(config: ArrayConfig) -> float:
    return config.cols


def _edge_columns(config: ArrayConfig) -> float:
    """Columns of all rows that leave at once: each has codes and parameters of its own."""
    return config.cols * config.rows_at_once


def _activation_words(config: ArrayConfig) -> float:
    return config.rows * config.breadth


def _weight_words(config: ArrayConfig) -> float:
    return config.depth * config.cols


def _taps(config: ArrayConfig) -> float:
    """Bits of the tokens of all rows, and of the drains. Tokens go on for a cluster's latency."""
    drains = config.rows * (config.breadth + 1 + config.drain_delay)
    taps = config.depth * (config.breadth + Cluster.LATENCY - 1)
    return Token.as_shape().size * taps + drains


def _row_skew(config: ArrayConfig) -> float:
    return config.rows * (config.depth - 1) / 2


def _column_skew(config: ArrayConfig) -> float:
    return config.cols * (config.breadth - 1) / 2


def _units(config: ArrayConfig) -> float:
    return config.requantisers


def _one(config: ArrayConfig) -> float:
    return 1.0


# What the output edge has in any array (zQ, control), as register bits of the same area
EDGE_BITS = 340


def _edge_row_bits(config: ArrayConfig) -> float:
    """Register bits at the output edge that the outputs of a row clock; see `hw.edge`.

    The output units begin in groups, one group after the other. Each group has registers for what
    all columns of a row have in common, and for the residual codes of the columns that are still
    to come. In each cycle between the first group and the last, a register holds the results of the
    groups that are done; it has as many parts as columns share a unit.
    """
    later = config.passage - config.share  # cycles from the first unit to the last
    groups = np.minimum(later, config.row_units - 1)
    common = (config.sum_width + ACTIVATION_BITS) * (1 + groups)  # zQ, limit of the codes
    codes = ACTIVATION_BITS * config.cols * (1 + groups / 2)
    turns = np.maximum(config.share / config.cluster_cols, 1)  # cycles from group to group
    results = config.sum_width * config.cluster_cols * later * (later + turns) / 2
    return common + codes + results


def _edge_bits(config: ArrayConfig) -> float:
    return config.rows * _edge_row_bits(config)


def _edge_size(config: ArrayConfig) -> float:
    return EDGE_BITS + config.rows_at_once * _edge_row_bits(config)


# A scope belongs to the first place with a pattern that fits.
PLACES: Mapping[str, Place] = {
    "multiply_add": Place(
        "multiply_add",
        "chunk",
        _elements,
        _elements,
        ("truncmac_pe/chunk_sum",),
        follows="adder_toggles",
        idle_columns=True,
        idle_rows=True,
    ),
    "weight_registers": Place(
        "registers",
        "chunk",
        _weight_words,
        _weight_words,
        ("truncmac_cluster/weights*",),
        follows="weight_toggles",
        idle_columns=True,
    ),
    "activation_registers": Place(
        "registers",
        "beat",
        _activation_words,
        _activation_words,
        ("truncmac_cluster/*",),
        idle_rows=True,
    ),
    "shift_add": Place(
        "accumulate",
        "chunk",
        _elements,
        _elements,
        ("truncmac_pe/beat_sum",),
        idle_columns=True,
        idle_rows=True,
    ),
    "accumulator": Place(
        "accumulate",
        "beat",
        _elements,
        _elements,
        ("truncmac_pe/dot",),
        idle_columns=True,
        idle_rows=True,
    ),
    "shadow_registers": Place(
        "drain",
        "tile",
        _elements,
        _moves,
        ("truncmac_pe/*",),
        idle_columns=True,
        idle_rows=True,
        follows="sum_toggles",
    ),
    "row_sum_shadow": Place(
        "edges", "tile", _rows, _rows, ("truncmac_row_sum/sums",), idle_rows=True
    ),
    "row_sum": Place("edges", "beat", _rows, _rows, ("truncmac_row_sum/*",), idle_rows=True),
    "tokens": Place("edges", "chunk", _taps, _taps, ("truncmac_row/*",)),
    "activation_skew": Place(
        "registers",
        "beat",
        _row_skew,
        _row_skew,
        ("truncmac_core.array/activations*",),
        idle_rows=True,
    ),
    "weight_skew": Place(
        "registers",
        "chunk",
        _column_skew,
        _column_skew,
        ("truncmac_core.array/*",),
        follows="weight_toggles",
        idle_columns=True,
    ),
    "parameter_memory": Place(
        "edges", "set", _edge_columns, _edge_columns, ("truncmac_output_unit/memory*",)
    ),
    "requantiser": Place(
        "edges",
        "tile",
        _units,
        _elements,
        ("truncmac_output_unit*",),
        idle_columns=True,
        idle_rows=True,
        follows="sum_toggles",
    ),
    "output_edge": Place(
        "edges",
        "tile",
        _edge_size,
        _rows,  # the offset of each, zQ
        ("truncmac_core.edge*",),
        follows="sum_toggles",
        clocked=_edge_bits,
    ),
    "results": Place(
        "edges", "tile", _units, _elements, ("truncmac_core.results*",), follows="sum_toggles"
    ),
    "residuals": Place(
        "edges", "residual", _edge_columns, _edge_columns, ("truncmac_core.residuals*",)
    ),
    "truncation": Place(
        "edges",
        "chunk",
        _columns,
        _columns,
        ("truncmac_core.sequencer.truncation*", "truncmac_core.sequencer/>truncated"),
        follows="weight_toggles",
        idle_columns=True,
    ),
    "parameter_loader": Place("edges", "set", _one, _one, ("truncmac_core.loader*",)),
    "control": Place("edges", "chunk", _one, _one, ("*",), by_cycle=True),
}


def place_of(scope: str) -> str:
    """The name of the place that a scope belongs to."""
    return next(
        name
        for name, place in PLACES.items()
        if any(fnmatch(scope, pattern) for pattern in place.patterns)
    )
