"""What `truncmac fpga` found of arrays, for designs that are explored: nothing for all others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import ArrayConfig
from truncmac.sim.digest import digest

from .route import KINDS

__all__ = ["FPGA_COLUMNS", "Placed", "read_placed"]

FPGA_COLUMNS = (*(f"fpga_{kind}" for kind in KINDS), "fpga_mhz")
REPORT = "fpga.json"


@dataclass(frozen=True)
class Placed:
    """Results of place and route.

    Attributes
    ----------
    folder : as it was asked for
    results : of `FPGA_COLUMNS`, by array; what the wrapper takes is not in them
    """

    folder: str
    results: Mapping[ArrayConfig, tuple[float, ...]]

    @property
    def fingerprint(self) -> str:
        """Names all results."""
        text = repr(sorted((config.name, values) for config, values in self.results.items()))
        return digest(text)

    def columns(self, configs: Sequence[ArrayConfig]) -> dict[str, npt.NDArray[np.float64]]:
        """`FPGA_COLUMNS` of n designs, (n,) each; NaN for arrays that were not placed."""
        none = (np.nan,) * len(FPGA_COLUMNS)
        rows = [self.results.get(config, none) for config in configs]
        table = np.array(rows, np.float64).reshape(len(configs), len(FPGA_COLUMNS))
        return dict(zip(FPGA_COLUMNS, table.T, strict=True))


def read_placed(folder: str) -> Placed:
    """Results that `truncmac fpga` wrote to a folder, or to folders in it.

    Raises
    ------
    ValueError
        If there are none, one is damaged, or an array was placed twice.
    OSError
        If one cannot be read.
    """
    paths = [*Path(folder).glob(REPORT), *sorted(Path(folder).glob(f"*/{REPORT}"))]
    if not paths:
        raise ValueError(f"{folder}: must be a folder that truncmac fpga wrote")
    results: dict[ArrayConfig, tuple[float, ...]] = {}
    for path in paths:
        config, values = _result(path)
        if results.setdefault(config, values) != values:
            raise ValueError(
                f"{path}: {config.name} is in {folder} twice, placed in different ways; keep one"
            )
    return Placed(folder, results)


def _result(path: Path) -> tuple[ArrayConfig, tuple[float, ...]]:
    try:
        found: Any = json.loads(path.read_bytes())
        used = (float(found["used"][kind] - found["wrapper"][kind]) for kind in KINDS)
        return ArrayConfig(**found["array"]), (*used, float(found["fmax_mhz"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: must be a report of truncmac fpga: {error!r}") from error
