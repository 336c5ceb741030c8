"""The folder of an exploration: finished chunks as Parquet files, and what they are made from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig

from .chunks import Chunk
from .evaluation import Evaluator
from .spec import Spec
from .tables import Table, csv_text, parquet_library, read_parquet
from .workers import Result

__all__ = ["SCHEMA", "ExplorationFolder", "read_designs", "read_spec", "versions"]

SCHEMA = 1  # number of the files' form; files of other forms are not read
SPEC = "spec.json"


def versions() -> dict[str, str]:
    """Versions of the packages that the results depend on."""
    return {name: version(name) for name in ("truncmac", "numpy")}


@dataclass(frozen=True)
class ExplorationFolder:
    """Finished chunks of one spec.

    Attributes
    ----------
    path : the folder
    evaluator : what makes, or made, the chunks in it
    """

    path: Path
    evaluator: Evaluator

    @property
    def digest(self) -> str:
        """A name for all that the chunks depend on: the spec, what it names, and the version."""
        loads = [load.fingerprint for load in self.evaluator.loads]
        sources = (self.evaluator.figures, self.evaluator.placed)
        more = [source.fingerprint for source in sources if source is not None]
        return self.evaluator.spec.digest(SCHEMA, versions()["truncmac"], loads, *more)

    def begin(self, resume: bool) -> None:
        """Make the folder, or check that its results are of the same spec.

        Raises
        ------
        ValueError
            If it holds results of another spec; or of this one, and `resume` is False.
        RuntimeError
            If the package that writes Parquet is missing: says what to install.
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
        """The file of a chunk."""
        return self.path / "parts" / f"part-{index:06}.parquet"

    def write(self, result: Result) -> None:
        """Keep a chunk; whenever this is killed, its file is whole or not there."""
        write_bytes(self.part(result.chunk.index), result.table)

    def finished(self, chunk: Chunk) -> Table | None:
        """The table of a chunk that was kept; None if it was not, or if its file is damaged."""
        path = self.part(chunk.index)
        if not path.exists():
            return None
        try:
            table = read_parquet(path)
        except (OSError, ValueError):
            return None
        points = table.get("point")
        # Of a search, a chunk may hold any points: these must be its own
        if points is None or not np.isin(points, chunk.array).all():
            return None
        return table

    def parts(self) -> Iterator[Table]:
        """The tables of the finished chunks, a file at a time."""
        for path in sorted((self.path / "parts").glob("part-*.parquet")):
            yield read_parquet(path)

    def write_csv(self, path: Path) -> None:
        """Write all tables as one CSV file, reading a chunk at a time."""
        temporary = path.with_name(f".{path.name}.part")
        try:
            with temporary.open("w") as file:
                for index, table in enumerate(self.parts()):
                    file.write(csv_text(table, header=index == 0))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def read_spec(path: Path) -> Spec:
    """Read the spec in a file that an exploration wrote, spec.json or front.json.

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
    """Read the arrays in a front.json, each once.

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
        longest = int(found["max_reduction"])
        sizes = ("rows", "cols", "lanes", "planes", "requantisers")
        return list(
            dict.fromkeys(
                ArrayConfig(**{name: entry[name] for name in sizes}, max_reduction=longest)
                for entry in found["front"]
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
