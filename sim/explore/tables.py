"""Rows of designs as Parquet and as CSV."""

import io
from pathlib import Path
from typing import Any

import numpy.typing as npt

from truncmac.sim.extras import extra_needed

__all__ = ["csv_text", "parquet_bytes", "parquet_library", "parquet_rows"]

Rows = dict[str, npt.NDArray[Any]]


def parquet_bytes(rows: Rows) -> bytes:
    """A Parquet file: always the same for the same rows."""
    arrow, parquet = parquet_library()
    table = arrow.table({name: arrow.array(column) for name, column in rows.items()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def parquet_rows(source: Path | bytes) -> Rows:
    """Columns of a Parquet file; texts as arrays of fixed width, as they were.

    Raises
    ------
    ValueError
        If it is none.
    OSError
        If it cannot be read.
    """
    arrow, parquet = parquet_library()
    try:
        table = parquet.read_table(io.BytesIO(source) if isinstance(source, bytes) else source)
    except arrow.ArrowException as error:
        raise ValueError(f"{source!r}: must be a Parquet file: {error}") from error
    rows = {}
    for name in table.column_names:
        column = table.column(name).to_numpy()
        rows[name] = column.astype(str) if column.dtype == object else column
    return rows


def parquet_library() -> tuple[Any, Any]:
    """The package that reads and writes Parquet.

    Raises
    ------
    RuntimeError
        If it is missing: says what to install.
    """
    with extra_needed("Exploring", "explore"):
        import pyarrow
        import pyarrow.parquet
    return pyarrow, pyarrow.parquet


def csv_text(rows: Rows, *, header: bool = True) -> str:
    """Rows as CSV; a measure of what does not fit is empty."""
    lines = [",".join(rows)] if header else []
    columns = [column.tolist() for column in rows.values()]
    for values in zip(*columns, strict=True):
        lines.append(",".join(map(_cell, values)))
    return "\n".join(lines) + "\n" if lines else ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value or abs(value) == float("inf") else repr(value)
    text = str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(',"\n') else text
