"""Tells whether the package's figures are of the RTL that it emits."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.energy.figures import FOLDER, read_figures

__all__ = ["rtl_sha256", "stale_figures"]

# What differs between versions of the generator and means nothing: comments, attributes, and
# names that hold a line of its source
_NOTHING = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*.*?\*\)|\$auto\$\w+\.cc:\d+:\w+\$\d+", re.DOTALL)


def rtl_sha256(verilog: str) -> str:
    """Digest of what Verilog means: without comments, attributes, generated names and spaces."""
    return hashlib.sha256(" ".join(_NOTHING.sub(" ", verilog).split()).encode()).hexdigest()


@lru_cache(maxsize=64)
def _emitted(config: ArrayConfig) -> str:
    return rtl_sha256(core_verilog(config))


def stale_figures(folder: Path = FOLDER) -> list[str]:
    """A line for each array whose figures, in the files of a folder, are of other RTL."""
    return [
        f"{path.name}: figures of {size.rows} x {size.cols} PEs are of other RTL (rtl_sha256 "
        f"{size.rtl_sha256[:12]}...) than is emitted now ({_emitted(size.config)[:12]}...). "
        "Make them again with: make characterise LIBERTY_DIR=FOLDER"
        for path in sorted(folder.glob("*_l*_p*.json"))
        for size in read_figures(path).sizes
        if size.rtl_sha256 != _emitted(size.config)
    ]
