"""What the AXI top costs: cycles of a layer at each k, by the width of its buses."""

from dataclasses import replace

from truncmac.hw.axi.top import BusWidths
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.axi import axi_counters
from truncmac.sim.cycles.job import Job

from .interfaces import table

__all__ = ["axi_cost_table"]

CONFIG = ArrayConfig(8, 8, 8, 1)
LAYER = Job(beats=72, bits=8, row_tiles=8, column_tiles=8)  # of 576 x 64, on 8 x 8 pixels
BITS = (8, 4, 2, 1)
WIDTHS = (64, 128, 256, 512)


def axi_cost_table() -> str:
    """A row for each width, by the model that equals the RTL's counters."""
    rows = []
    for width in WIDTHS:
        cycles = [_cycles(width, bits) for bits in BITS]
        shown = [f"{count:,} ({cycles[0] / count:.2f})" for count in cycles]
        rows.append([f"{width} bits", *shown])
    return table(["buses", *(f"k = {bits}" for bits in BITS)], rows)


def _cycles(width: int, bits: int) -> int:
    job = replace(LAYER, bits=bits)
    return axi_counters(CONFIG, [job], BusWidths(*[width] * 5))[0]["cycles"]
