import re

import numpy as np
import pytest

from truncmac.sim.explore.tables import csv_text, parquet_bytes, read_parquet


def test_texts_are_quoted_and_what_is_unknown_is_an_empty_cell():
    table = {"a": np.array(['x,"y"', "z"]), "b": np.array([np.nan, np.inf])}
    assert csv_text(table) == 'a,b\n"x,""y""",\nz,\n'
    assert csv_text(table, header=False) == '"x,""y""",\nz,\n'
    assert csv_text({}, header=False) == ""


def test_a_table_goes_through_parquet(tmp_path):
    table = {
        "point": np.array([3, 4]),
        "workload": np.array(["digits", "x"]),
        "energy_uj": np.array([np.nan, 0.1]),
        "feasible": np.array([True, False]),
    }
    content = parquet_bytes(table)
    assert parquet_bytes(dict(table)) == content
    (tmp_path / "part.parquet").write_bytes(content)
    for again in (read_parquet(content), read_parquet(tmp_path / "part.parquet")):
        assert list(again) == list(table)
        for name, column in table.items():
            np.testing.assert_array_equal(again[name], column)
            assert again[name].dtype == column.dtype


def test_what_is_not_parquet_is_named(tmp_path):
    path = tmp_path / "part.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=f"^{re.escape(repr(path))}: must be a Parquet file: "):
        read_parquet(path)
