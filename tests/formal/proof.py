"""A proof: a property of generated Verilog, how it is proven, and a bug that must be seen."""

from collections.abc import Callable
from dataclasses import dataclass, field

from truncmac.hw.config import ArrayConfig
from truncmac.hw.output_unit import OutputUnit
from truncmac.hw.requantiser import parameters_layout
from truncmac.hw.row_sum import RowSum
from truncmac.hw.tile import tile_layout

__all__ = ["INDUCTION", "PDR", "Proof", "drains", "first_word"]

PDR = "abc scorr; pdr"
INDUCTION = "induction"  # the property and its helpers together are inductive


def drains(config: ArrayConfig) -> int:
    """Steps from a tile's end to its first row's at the output edge."""
    return config.depth - 1 + RowSum.LATENCY


def first_word(config: ArrayConfig) -> int:
    """Steps from a tile's end to its first word of results at the output edge."""
    return drains(config) + 2 + config.passage + OutputUnit.LATENCY - config.share


@dataclass(frozen=True)
class Proof:
    """A property of generated Verilog.

    Attributes
    ----------
    name : of the proof and of its folder
    about : what is proven, a sentence for the documents
    hardware : of what, for the documents
    verilog : makes the text
    config : the array's sizes, which the properties see as `define`s
    bug : a pattern in the Verilog and what takes its place
    properties : file in `properties/`, without suffix; by default as `name`
    depth : cycles of a bounded proof; None: it is unbounded
    reach : cycles in which cover statement and bug must show
    defines : more of them
    probes : wires of the properties, and the nets of the hardware that drive them
    cut : a cell, as Yosys selects it, in whose place anything may come
    engine : of an unbounded proof
    seconds : after which it gives up
    quick : takes part in the ordinary tests
    """

    name: str
    about: str
    hardware: str
    verilog: Callable[[], str]
    bug: tuple[str, str]
    config: ArrayConfig | None = None
    properties: str = ""
    depth: int | None = None
    reach: int = 40
    defines: dict[str, int | str] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    engine: str = PDR
    seconds: int = 900
    quick: bool = False

    def __post_init__(self) -> None:
        if not self.properties:
            object.__setattr__(self, "properties", self.name)

    def sizes(self) -> dict[str, int | str]:
        """What the properties are told of the hardware."""
        c = self.config
        if c is None:
            return self.defines
        return {
            "ROWS": c.rows,
            "COLS": c.cols,
            "LANES": c.lanes,
            "PLANES": c.planes,
            "REQUANTISERS": c.requantisers,
            "SHARE": c.share,
            "AT_ONCE": c.rows_at_once,
            "DEPARTURES": c.departures,
            "DRAINS": drains(c),
            "FIRST": first_word(c),
            "PASSAGE": c.passage,
            "DEPTH": c.depth,
            "BREADTH": c.breadth,
            "CLUSTER_ROWS": c.cluster_rows,
            "CLUSTER_COLS": c.cluster_cols,
            "DRAIN_DELAY": c.drain_delay,
            "INTERVAL": c.interval,
            "SUM_WIDTH": c.sum_width,
            "BEATS_WIDTH": c.beats_width,
            "MAX_BEATS": c.max_beats,
            "TILE_WIDTH": tile_layout(c).size,
            "PARAMETERS_WIDTH": parameters_layout(c).size,
            "M_BITS": c.multiplier_bits,
            "R_BITS": c.residual_multiplier_bits,
            "B_BITS": c.bias_width,
        } | self.defines
