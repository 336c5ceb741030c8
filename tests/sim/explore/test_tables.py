import random
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


def test_a_changed_bit_never_gives_another_table(tmp_path):
    """Without the digest three of four flips would: Parquet's own reader does not notice."""
    table = {
        "point": np.arange(500),
        "energy_uj": np.random.default_rng(0).random(500),
        "workload": np.array(["digits", "resnet18"] * 250),
    }
    whole, noise, refused = parquet_bytes(table), random.Random(0), 0
    for _ in range(2000):
        data = bytearray(whole)
        data[noise.randrange(len(data))] ^= 1 << noise.randrange(8)
        try:
            found = read_parquet(bytes(data))
        except (ValueError, OSError):
            refused += 1
            continue
        assert list(found) == list(table)
        assert all(np.array_equal(found[name], column) for name, column in table.items())
    assert refused > 1500


def test_what_is_not_parquet_is_named(tmp_path):
    path = tmp_path / "part.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=f"^{re.escape(repr(path))}: must be a Parquet file: "):
        read_parquet(path)
