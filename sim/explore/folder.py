"""The folder of an exploration: finished chunks as Parquet files, and what they were made from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig

from .chunks import Chunk
from .evaluation import Evaluator
from .spec import Spec
from .tables import csv_text, parquet_library, parquet_rows
from .workers import Result

__all__ = ["SCHEMA", "ExplorationFolder", "read_designs", "read_spec", "versions"]

SCHEMA = 1  # of the files; other numbers are not read
SPEC = "spec.json"
Rows = dict[str, npt.NDArray[Any]]


def versions() -> dict[str, str]:
    """Of what the results depend on."""
    return {name: version(name) for name in ("truncmac", "numpy")}


@dataclass(frozen=True)
class ExplorationFolder:
    """Finished chunks of one spec.

    Attributes
    ----------
    path : of the folder
    evaluator : that made, or makes, what is in it
    """

    path: Path
    evaluator: Evaluator

    @property
    def digest(self) -> str:
        """Names the spec, its workloads' layers, figures and results, and the version."""
        loads = [load.fingerprint for load in self.evaluator.loads]
        sources = (self.evaluator.figures, self.evaluator.placed)
        more = [source.fingerprint for source in sources if source is not None]
        return self.evaluator.spec.digest(SCHEMA, versions()["truncmac"], loads, *more)

    def begin(self, resume: bool) -> None:
        """Make the folder, or check that what is in it is of the same spec.

        Raises
        ------
        ValueError
            If another spec's results are there; or this one's, and they are not to be resumed.
        """
        parquet_library()  # raises if it is missing
        if (self.path / SPEC).exists():
            found = _read_json(self.path / SPEC).get("digest")
            if found != self.digest:
                raise ValueError(
                    f"{self.path} holds results of another spec, workload or version ({found}, "
                    f"not {self.digest}): choose another --out, or remove it"
                )
            if not resume:
                raise ValueError(
                    f"{self.path} holds results of this spec already: add --resume to go on, or "
                    "choose another --out"
                )
            return
        # Hidden files are what a killed run did not finish
        if self.path.exists() and any(file.name[0] != "." for file in self.path.iterdir()):
            raise ValueError(f"{self.path} holds other files: choose another --out")
        description = {
            "schema": SCHEMA,
            "digest": self.digest,
            "versions": versions(),
            "spec": self.evaluator.spec.as_dictionary(),
        }
        write_bytes(self.path / SPEC, json.dumps(description, indent=2).encode())

    def part(self, index: int) -> Path:
        """File of a chunk."""
        return self.path / "parts" / f"part-{index:06}.parquet"

    def write(self, result: Result) -> None:
        """Keep a chunk: its file is whole, or not there."""
        write_bytes(self.part(result.chunk.index), result.table)

    def finished(self, chunk: Chunk) -> Rows | None:
        """Rows of a chunk that was kept, or None if it was not, or its file is damaged."""
        path = self.part(chunk.index)
        if not path.exists():
            return None
        try:
            rows = parquet_rows(path)
        except (OSError, ValueError):
            return None
        points = rows.get("point")
        # Of a search, a chunk may hold any points: these must be its own
        if points is None or not np.isin(points, chunk.array).all():
            return None
        return rows

    def parts(self) -> Iterator[Rows]:
        """Rows of the finished chunks, a file at a time."""
        for path in sorted((self.path / "parts").glob("part-*.parquet")):
            yield parquet_rows(path)

    def write_csv(self, path: Path) -> None:
        """All rows as one CSV, a file at a time."""
        temporary = path.with_name(f".{path.name}.part")
        try:
            with temporary.open("w") as file:
                for index, rows in enumerate(self.parts()):
                    file.write(csv_text(rows, header=index == 0))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def read_spec(path: Path) -> Spec:
    """The spec in a file that an exploration wrote, spec.json or front.json.

    Raises
    ------
    ValueError
        If it is not such a file.
    OSError
        If it cannot be read.
    """
    found = _read_json(path)
    try:
        if found["schema"] != SCHEMA:
            raise ValueError(f"{path}: schema must be {SCHEMA}, not {found['schema']!r}")
        return Spec.from_dictionary(found["spec"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: must be written by truncmac explore: lacks {error}") from error


def read_designs(path: Path) -> list[ArrayConfig]:
    """The arrays in a front.json, each once.

    Raises
    ------
    ValueError
        If it is not such a file.
    OSError
        If it cannot be read.
    """
    read_spec(path)
    found = _read_json(path)
    try:
        rows, longest = found["front"], int(found["max_reduction"])
        sizes = ("rows", "cols", "lanes", "planes")
        return list(
            dict.fromkeys(
                ArrayConfig(*(row[name] for name in sizes), longest, row["requantisers"])
                for row in rows
            )
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: must be a front.json of truncmac explore: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: must be JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must be written by truncmac explore")
    return found
