"""Results of `truncmac fpga`, for designs that are explored; other designs have none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from truncmac.golden.types import Reals
from truncmac.hw.config import ArrayConfig
from truncmac.sim.digest import json_digest

from .report import KINDS, REPORT_FILE, FpgaReport, read_report

__all__ = ["FPGA_COLUMNS", "Placed", "read_placed"]

FPGA_COLUMNS = (*(f"fpga_{kind}" for kind in KINDS), "fpga_mhz")


@dataclass(frozen=True)
class Placed:
    """Results of place and route.

    Attributes
    ----------
    folder : the folder, as it was asked for
    results : values of `FPGA_COLUMNS` by array; what the wrapper takes is not in them
    """

    folder: str
    results: Mapping[ArrayConfig, tuple[float, ...]]

    @property
    def fingerprint(self) -> str:
        """A name for all results together."""
        return json_digest(sorted((config.name, row) for config, row in self.results.items()))

    def columns(self, configs: Sequence[ArrayConfig]) -> dict[str, Reals]:
        """`FPGA_COLUMNS` of n designs, (n,) each; NaN for arrays that were not placed."""
        none = (np.nan,) * len(FPGA_COLUMNS)
        rows = [self.results.get(config, none) for config in configs]
        table = np.array(rows, np.float64).reshape(len(configs), len(FPGA_COLUMNS))
        return dict(zip(FPGA_COLUMNS, table.T, strict=True))


def read_placed(folder: str) -> Placed:
    """Read the results that `truncmac fpga` wrote to a folder, or to folders in it.

    Raises
    ------
    ValueError
        If there are none, one is damaged, or an array was placed twice with different results.
    OSError
        If one cannot be read.
    """
    paths = [*Path(folder).glob(REPORT_FILE), *sorted(Path(folder).glob(f"*/{REPORT_FILE}"))]
    if not paths:
        raise ValueError(f"{folder}: must be a folder that truncmac fpga wrote")
    results: dict[ArrayConfig, tuple[float, ...]] = {}
    for path in paths:
        config, report = read_report(path)
        values = _values(report)
        if results.setdefault(config, values) != values:
            raise ValueError(
                f"{path}: {config.name} is in {folder} twice, placed in different ways; keep one"
            )
    return Placed(folder, results)


def _values(report: FpgaReport) -> tuple[float, ...]:
    """Values of `FPGA_COLUMNS`."""
    return (*(float(count) for count in report.array.values()), report.fmax_mhz)
