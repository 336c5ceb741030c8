"""The table of measured runs: what is written is read again, of one shape or of all."""

from dataclasses import replace

import pytest

from tools.energy_runs import TABLE, RunTable, SynthesisedArray, read_table, write_table
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.places import Counts
from truncmac.sim.energy.runs import LayerRun
from truncmac.sim.energy.switching import Switching

RUN = LayerRun(
    config=ArrayConfig(4, 4, 16, 2),
    network="net",
    layer="conv",
    network_bits=4,
    bits=8,
    held_out=True,
    paused=False,
    counts=Counts(100, 64, 16, 4, 1, 8, 0, 5, 7),
    switching=Switching(0.25, 0.5, 40.125, 12.5),
    rows_used=0.75,
    columns_used=1,
    macs=1024,
    layer_macs=65536,
    measured_pj=1234.5,
)


def test_the_shipped_table_is_as_it_would_be_written(tmp_path):
    path = tmp_path / "runs.json"
    write_table(read_table(), path)
    assert path.read_bytes() == TABLE.read_bytes()
    assert path.stat().st_size < 160_000


def test_runs_and_arrays_come_back(tmp_path):
    other = replace(RUN, bits=4, measured_pj=0.5)
    arrays = {"b": [SynthesisedArray(ArrayConfig(16, 16, 16, 2), {"control": 2.5})]}
    table = RunTable({"a": [RUN, other], "b": [replace(RUN, measured_pj=99)]}, arrays)
    path = tmp_path / "runs.json"
    write_table(table, path)
    found = read_table(path)
    assert found.runs == table.runs
    assert found.arrays == {"a": [], **arrays}
    assert found.runs_of("a", 16, 2) == [RUN, other]
    assert found.runs_of("a", 8, 2) == found.runs_of("c", 16, 2) == []
    assert path.read_text().count('"conv"') == 1  # a run that libraries share is one line


def test_numbers_have_six_digits(tmp_path):
    path = tmp_path / "runs.json"
    write_table(RunTable({"a": [replace(RUN, measured_pj=1 / 3)]}), path)
    (found,) = read_table(path).runs["a"]
    assert found.measured_pj == pytest.approx(1 / 3, rel=1e-6)
    assert found.measured_pj == 0.333333


def test_a_shape_takes_the_place_of_what_was_there_of_it():
    narrow = replace(RUN, config=ArrayConfig(4, 4, 8, 2))
    table = RunTable({"a": [RUN, narrow], "b": [RUN]})
    new = replace(RUN, measured_pj=1.0)
    found = table.with_shape("a", 16, 2, [new], [])
    assert (found.runs["a"], found.runs["b"]) == ([narrow, new], [RUN])
