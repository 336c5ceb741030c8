"""NPUs of small arrays, drawn by seed."""

from collections.abc import Iterator

import numpy as np

from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import BUS_WIDTHS, NpuConfig

__all__ = ["random_npus"]


def random_npus(seed: int) -> Iterator[NpuConfig]:
    """NPUs without end."""
    rng = np.random.default_rng(seed)

    def one(*values: int) -> int:
        return int(rng.choice(values))

    while True:
        rows, cols, lanes = one(1, 2, 4, 8), one(2, 4, 8, 16), one(1, 2, 4, 8)
        planes = one(1, 1, 2, 4, 8)
        twice = [] if rows % 2 else [2 * cols]  # two rows leave at once
        units = one(*(n for n in (1, 2, 4, 8, 16) if cols % n == 0), *twice)
        if not 8 <= cols * lanes * planes <= 512 or rows * cols * lanes * planes > 512:
            continue
        yield NpuConfig(
            array=ArrayConfig(rows, cols, lanes, planes, 2000, units),
            bus_width=one(*BUS_WIDTHS),
            groups=one(3, 4, 5),
            # Some need bands of rows, some hold all maps
            depth=one(1, 4) * 2000 // (rows * lanes) + 30,
            outstanding=one(1, 2, 5),
        )
