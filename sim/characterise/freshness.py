"""Whether the package's figures are of the RTL that it emits."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.energy.model import FOLDER, read

__all__ = ["rtl_sha256", "stale_figures"]

# What differs between versions of the generator and means nothing: comments, attributes, and
# names that hold a line of its source
_NOTHING = re.compile(r"//[^\n]*|/\*.*?\*/|\(\*.*?\*\)|\$auto\$\w+\.cc:\d+:\w+\$\d+", re.DOTALL)


def rtl_sha256(verilog: str) -> str:
    """Of what the Verilog means: without comments, attributes, generated names and spaces."""
    return hashlib.sha256(" ".join(_NOTHING.sub(" ", verilog).split()).encode()).hexdigest()


@lru_cache(maxsize=64)
def _digests(config: ArrayConfig) -> tuple[str, str]:
    """Of what the core's Verilog means; and of its text, which older figures have."""
    verilog = core_verilog(config)
    return rtl_sha256(verilog), hashlib.sha256(verilog.encode()).hexdigest()


def stale_figures(folder: Path = FOLDER) -> list[str]:
    """A line for each file and array whose figures are of other RTL than is emitted now."""
    lines = []
    for path in sorted(folder.glob("*_l*_p*.json")):
        data = read(path).data
        for size in data["sizes"]:
            config = _config(data, size)
            if size["rtl_sha256"] not in _digests(config):
                lines.append(
                    f"{path.name}: figures of {config.rows} x {config.cols} PEs are of other RTL "
                    f"(rtl_sha256 {size['rtl_sha256'][:12]}...) than is emitted now "
                    f"({_digests(config)[0][:12]}...). Make them again with: "
                    "make characterise LIBERTY_DIR=FOLDER"
                )
    return lines


def _config(data: Any, size: Any) -> ArrayConfig:
    """The array of a size; older figures have only what is not by default."""
    plain = {"lanes": data["lanes"], "planes": data["planes"]}
    plain |= {name: size[name] for name in ("rows", "cols", "requantisers")}
    return ArrayConfig(**(plain | size.get("config", {})))
