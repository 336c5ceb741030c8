"""What hardware a changed file describes: the NPU of some sizes, as Amaranth writes it."""

import hashlib
import importlib
from collections.abc import Iterator

from amaranth.back import rtlil

__all__ = ["described"]

# Rows, columns, lanes, planes, reduction and requantisers; bits of the bus, words of a bank, groups
# of banks, and bursts outstanding
SIZES = (
    ((2, 4, 2, 1, 100, 4), (64, 16, 3, 2)),
    ((1, 8, 1, 8, 40, 2), (256, 100, 5, 1)),
    ((4, 4, 8, 2, 300, 8), (128, 256, 4, 5)),
)


def described() -> Iterator[str]:
    """A digest of each NPU; the package is imported now, with whatever is changed of it."""
    array = importlib.import_module("truncmac.hw.config").ArrayConfig
    npu = importlib.import_module("truncmac.hw.npu.config").NpuConfig
    top = importlib.import_module("truncmac.hw.npu.top").NpuTop
    for sizes, (bus, depth, groups, outstanding) in SIZES:
        config = npu(array(*sizes), bus, groups, depth, outstanding)
        text = rtlil.convert(top(config), emit_src=False)
        yield hashlib.sha256(text.encode()).hexdigest()
