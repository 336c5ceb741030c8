"""Figures of memories: macros of a process, and what the literature says of others."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from truncmac.golden.files import read_json

from .figures import DEFAULT_LIBRARY, FOLDER
from .json_records import record

__all__ = [
    "PublishedDram",
    "PublishedMemories",
    "PublishedSram",
    "Sram",
    "SramFigures",
    "load_srams",
    "published_memories",
    "read_srams",
]


@dataclass(frozen=True)
class Sram:
    """A memory macro: energies in pJ an access, leakage in nW, area in um2.

    `access_ps` is the time from the clock to what is read, and `setup_ps` the longest set-up time
    of an input; both are 0 where they are not known.
    """

    name: str
    words: int
    bits: int
    read_pj: float
    write_pj: float
    leakage_nw: float
    area_um2: float
    access_ps: float = 0.0
    setup_ps: float = 0.0


@dataclass(frozen=True)
class SramFigures:
    """A file of memory macros.

    Attributes
    ----------
    library : short name of the process
    macros : the smallest first
    files_sha256 : digests of the Liberty files
    method : what an access has in it
    """

    library: str
    macros: tuple[Sram, ...]
    files_sha256: Mapping[str, str]
    method: str


@dataclass(frozen=True)
class PublishedSram:
    """An access of `bits` bits to an SRAM of a size in bytes, in pJ."""

    bytes: int
    bits: int
    pj: float


@dataclass(frozen=True)
class PublishedDram:
    """An access of `bits` bits to a DRAM, in pJ: the lower and the higher figure."""

    bits: int
    pj: float
    pj_high: float


@dataclass(frozen=True)
class PublishedMemories:
    """What the literature says of memories of one process.

    Attributes
    ----------
    source : the publication
    node_nm, voltage : of the process, in nm and V
    about : what the figures are of
    sram : the smallest first
    """

    source: str
    node_nm: int
    voltage: float
    about: str
    sram: tuple[PublishedSram, ...]
    dram: PublishedDram


def load_srams(library: str = DEFAULT_LIBRARY) -> list[Sram]:
    """The package's memory macros of a process, the smallest first.

    Raises
    ------
    ValueError
        If it has none.
    """
    path = FOLDER / f"{library}_sram.json"
    if not path.exists():
        raise ValueError(f"No memory macros of {library}")
    return list(read_srams(path).macros)


def read_srams(path: Path) -> SramFigures:
    """Memory macros from a file that `truncmac characterise` wrote.

    Raises
    ------
    ValueError
        If a field is wrong: names the file and the field.
    """
    return record(SramFigures, read_json(path.read_text()), f"{path}: ")


@lru_cache(maxsize=1)
def published_memories() -> PublishedMemories:
    """The figures of the literature that the package has."""
    path = FOLDER / "published.json"
    return record(PublishedMemories, read_json(path.read_text()), f"{path}: ")
