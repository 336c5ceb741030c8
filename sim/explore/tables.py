"""Tables of evaluated designs, as Parquet and as CSV.

A table has an entry for each design, workload and k that was evaluated, and a column for each
size and measure. "Rows" are always rows of PEs.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

from truncmac.golden.text import csv_safe
from truncmac.golden.types import Array
from truncmac.sim.extras import extra_needed

__all__ = [
    "Table",
    "csv_text",
    "parquet_bytes",
    "parquet_library",
    "read_parquet",
]

DIGEST = "truncmac_sha256"  # of the table, in the file's metadata

Table = dict[str, Array]  # columns by name, each an array (entries,)


def parquet_bytes(table: Table) -> bytes:
    """The content of a Parquet file; the same table always gives the same bytes.

    The file's metadata hold a digest of the table, because Parquet does not notice changed bytes.
    """
    arrow, parquet = parquet_library()
    columns = arrow.table({name: arrow.array(column) for name, column in table.items()})
    columns = columns.replace_schema_metadata({DIGEST: _digest(table)})
    buffer = io.BytesIO()
    parquet.write_table(columns, buffer, compression="zstd")
    return buffer.getvalue()


def read_parquet(source: Path | bytes) -> Table:
    """Read a table from a Parquet file; texts become arrays of fixed width again.

    Raises
    ------
    ValueError
        If it is not a Parquet file, or was changed after it was written.
    OSError
        If it cannot be read.
    """
    arrow, parquet = parquet_library()
    try:
        found = parquet.read_table(io.BytesIO(source) if isinstance(source, bytes) else source)
    except arrow.ArrowException as error:
        raise ValueError(f"{source!r}: must be a Parquet file: {error}") from error
    table = {}
    for name in found.column_names:
        column = found.column(name).to_numpy()
        table[name] = column.astype(str) if column.dtype == object else column
    if (found.schema.metadata or {}).get(DIGEST.encode()) != _digest(table).encode():
        raise ValueError(f"{source!r}: must be as truncmac explore wrote it; it was changed")
    return table


def _digest(table: Table) -> str:
    """SHA-256 of all names and values; texts count as such, whatever their arrays' width."""
    found = hashlib.sha256()
    for name, column in table.items():
        is_text = column.dtype.kind in "UO"
        content = "\0".join(map(str, column.tolist())).encode() if is_text else column.tobytes()
        found.update(f"\0{name}\0{'text' if is_text else column.dtype.str}\0".encode() + content)
    return found.hexdigest()


def parquet_library() -> tuple[Any, Any]:
    """The package that reads and writes Parquet, and its module for it.

    Raises
    ------
    RuntimeError
        If the package is missing: says what to install.
    """
    with extra_needed("Exploring", "explore"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow, pyarrow.parquet


def csv_text(table: Table, *, header: bool = True) -> str:
    """A table as CSV; a measure that is unknown or infinite is an empty cell."""
    lines = [",".join(table)] if header else []
    columns = [column.tolist() for column in table.values()]
    for values in zip(*columns, strict=True):
        lines.append(",".join(map(_cell, values)))
    return "\n".join(lines) + "\n" if lines else ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value or abs(value) == float("inf") else repr(value)
    text = csv_safe(str(value))
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(',"\n') else text
