"""Columns of the report's tables: what a figure is called, its unit, and how it is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from truncmac.sim.schedule.analysis import TRAFFIC
from truncmac.sim.schedule.losses import REASONS

__all__ = ["LAYER_COLUMNS", "TOTAL_COLUMNS", "Column", "columns_of"]


@dataclass(frozen=True)
class Column:
    """One figure of a layer or of a total.

    Attributes
    ----------
    key : in the JSON
    title : with the unit in which it is shown
    form : format of the value divided by `unit`; empty: it is text
    about : a sentence
    """

    key: str
    title: str
    form: str = ""
    unit: float = 1
    about: str = ""

    def show(self, row: dict[str, Any]) -> str:
        """The figure as people read it."""
        value = row[self.key]
        if value is None:
            return ""
        if not self.form:
            return str(value)
        return format(value if self.unit == 1 else value / self.unit, self.form)

    def whole(self, row: dict[str, Any]) -> str | None:
        """The whole figure; None where what is shown says it, but for commas in numbers."""
        value = row[self.key]
        if value is None or str(value) == self.show(row).replace(",", ""):
            return None
        return str(value)


_TIME = (
    Column("macs", "MMACs", ",.2f", 1e6, "multiply-accumulates, without padding"),
    Column(
        "tiles", "tiles", ",d", about="tiles of rows x columns of PEs, over the whole reduction"
    ),
    Column("array_cycles", "array cycles", ",d", about="cycles that the RTL's own counter counts"),
    Column("cycles", "cycles", ",d", about="cycles with the waits for memory, and from job to job"),
    Column("utilisation", "utilisation", ".1%", about="ideal cycles / cycles"),
    Column("macs_per_s", "GMAC/s", ",.2f", 1e9, "at the platform's clock"),
    Column("time_s", "time (ms)", ",.4f", 1e-3, "at the platform's clock"),
    Column("speedup", "speed-up", ",.2f", about="cycles at k = 8 / cycles"),
)
_LOST = (
    Column("ideal_cycles", "ideal", ",.1f", about="cycles, if every lane of every PE had work"),
    *(Column(f"lost_{name}", name, ",.1f", about=text) for name, text in REASONS.items()),
)
_MEMORY = (
    *(
        Column(name, name.removeprefix("dram_") + " (kB)", ",.1f", 1e3, text)
        for name, text in TRAFFIC.items()
    ),
    Column("dram_bytes", "DRAM (kB)", ",.1f", 1e3, "all of these bytes"),
    Column("dram_cycles", "DRAM cycles", ",d", about="cycles that this traffic takes"),
    Column(
        "read_activations",
        "activations read (kB)",
        ",.1f",
        1e3,
        "bytes that the array reads from the scratchpad",
    ),
    Column(
        "read_weights",
        "weights read (kB)",
        ",.1f",
        1e3,
        "bytes that the array reads from the scratchpad",
    ),
    Column("intensity", "MACs/byte", ",.1f", about="MACs for each byte of DRAM traffic"),
    Column("ridge", "ridge", ",.1f", about="MACs/byte from which on the array is the limit"),
    Column("bound", "bound", about="what limits it: compute or memory"),
    Column("jobs", "jobs", ",d", about="pairs of a row block and a column block"),
    Column("energy_pj", "energy (uJ)", ",.3f", 1e6, "from characterised netlists"),
)

LAYER_COLUMNS = (
    Column("k", "k", "d", about="bit-width of the network"),
    Column("layer", "layer"),
    Column(
        "layer_k",
        "own k",
        "d",
        about="bit-width of the layer: its own if it has one, else the network's",
    ),
    Column("rows", "M", ",d", about="output pixels, of all images"),
    Column("reduction", "K", ",d", about="elements that each sum adds up"),
    Column("columns", "N", ",d", about="output channels"),
    Column("groups", "groups", ",d", about="number of products of this size"),
    *_TIME,
    *_LOST,
    *_MEMORY,
    Column("row_blocks", "row blocks", ",d"),
    Column("column_blocks", "column blocks", ",d"),
    Column(
        "order", "order", about="what stays in the scratchpad while the other operand streams past"
    ),
)
TOTAL_COLUMNS = (
    LAYER_COLUMNS[0],
    *_TIME[:-1],
    Column("images_per_s", "images/s", ",.1f", about="at the platform's clock"),
    _TIME[-1],
    Column("possible_speedup", "possible", ",.2f", about="speed-up that the ideal cycles allow"),
    Column(
        "ideal_speedup",
        "all at k",
        ",.2f",
        about="speed-up that would be possible if no layer had a k of its own",
    ),
    *_LOST,
    *_MEMORY,
    Column(
        "bound_cycles",
        "bound",
        ",d",
        about="the fewest cycles in which the array could do this work",
    ),
)


def columns_of(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> list[Column]:
    """Those of which any of the rows has a figure."""
    return [c for c in columns if any(row[c.key] is not None for row in rows)]
