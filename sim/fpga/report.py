"""What place and route says of an array, as fpga.json holds it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truncmac.hw.config import ArrayConfig

__all__ = ["KINDS", "REPORT_FILE", "FpgaReport", "read_report"]

REPORT_FILE = "fpga.json"
# Kinds of parts of the chip, and what nextpnr calls them
KINDS: Mapping[str, str] = {
    "luts": "TRELLIS_COMB",
    "ffs": "TRELLIS_FF",
    "dsps": "MULT18X18D",
    "brams": "DP16KD",
}


@dataclass(frozen=True, kw_only=True)
class FpgaReport:
    """What an array takes of an FPGA, and how fast it is.

    Attributes
    ----------
    device : the LFE5U part
    used : number of parts of the chip that are taken, by `KINDS`; those of the wrapper are in it
    available : number of parts that the chip has, by `KINDS`
    wrapper : number of parts that the wrapper takes, which makes do with three pins
    fmax_mhz : highest clock, in the slowest corner
    versions : versions of the tools
    """

    device: str
    used: Mapping[str, int]
    available: Mapping[str, int]
    wrapper: Mapping[str, int]
    fmax_mhz: float
    versions: Mapping[str, str]

    @property
    def array(self) -> dict[str, int]:
        """Number of parts that the array takes, without the wrapper, by `KINDS`."""
        return {kind: self.used[kind] - self.wrapper[kind] for kind in KINDS}

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> "FpgaReport":
        """The report in the content of fpga.json.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another kind.
        """
        return cls(
            device=str(description["device"]),
            used={kind: int(description["used"][kind]) for kind in KINDS},
            available={kind: int(description["available"][kind]) for kind in KINDS},
            wrapper={kind: int(description["wrapper"][kind]) for kind in KINDS},
            fmax_mhz=float(description["fmax_mhz"]),
            versions=dict(description["versions"]),
        )


def read_report(path: Path) -> tuple[ArrayConfig, FpgaReport]:
    """Read an array and its report from a file that `truncmac fpga` wrote.

    Raises
    ------
    ValueError
        If it is not such a file.
    OSError
        If it cannot be read.
    """
    try:
        found: Any = json.loads(path.read_bytes())
        return ArrayConfig(**found["array"]), FpgaReport.of(found)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: must be a report of truncmac fpga: {error!r}") from error
