"""Figures that are made again: what is measured, and what the table of runs gets of it."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

import tools.recharacterise as module
from tools.energy_runs import TABLE, RunTable, SynthesisedArray, read_table, write_table
from tools.recharacterise import main, remake
from truncmac.sim.energy.figures import FOLDER, read_figures

NAME = "sky130_l16_p2.json"
SHAPE = ("sky130", 16, 2)
HELD = {"rows": 16, "cols": 16, "requantisers": 16, "held_out": True}


@pytest.fixture
def folder(tmp_path):
    """A folder with one file of figures, its library, and a table of that shape and another."""
    text = (FOLDER / NAME).read_text()
    (tmp_path / NAME).write_text(text)
    for name in json.loads(text)["provenance"]["library"]["files_sha256"]:
        (tmp_path / name).touch()
    shipped = read_table(TABLE)
    runs = {"sky130": [run for run in shipped.runs["sky130"] if run.config.planes == 2]}
    write_table(RunTable(runs, {"sky130": shipped.arrays_of(*SHAPE)}), tmp_path / "runs")
    return tmp_path


def test_arrays_of_no_figures_are_measured_beside_the_file(folder, monkeypatch):
    table = folder / "runs"
    before = read_table(table)
    (held,) = before.arrays_of(*SHAPE)
    area = dict.fromkeys(held.area_um2, 7.0)
    asked = []

    def characterise_one(request, *, as_json):
        asked.append(request)
        own = before.runs_of(*SHAPE)
        beside = bool(request.held_sizes)
        if beside:  # its own figures' runs are measured again on the way
            own = [replace(run, measured_pj=1.0) for run in own]
        known = read_figures(folder / NAME)
        size = replace(known.sizes[0], **HELD, config=held.config, area_um2_by_place=area)
        figures = replace(known, sizes=(*known.sizes, size))
        return SimpleNamespace(
            figures=SimpleNamespace(figures=figures),
            runs=own if beside else [run for run in own if run.config != held.config],
        )

    monkeypatch.setattr(module, "characterise_one", characterise_one)
    assert remake(folder, folder=folder, cache=folder / "cache", table=table) == []
    first, second = asked
    assert (first.held_sizes, first.held_network, first.bits) == ([], "resnet20", (8, 4, 2, 1))
    assert first.out == folder / NAME
    assert (second.held_sizes, second.held_network) == (["16x16:16"], "")
    assert second.out == folder / "cache" / f"held_{NAME}"
    after = read_table(table)
    assert after.arrays_of(*SHAPE) == [SynthesisedArray(held.config, area)]
    for run in after.runs_of(*SHAPE):
        assert (run.measured_pj == 1.0) == (run.config == held.config)
    assert len(after.runs_of(*SHAPE)) == len(before.runs_of(*SHAPE))
    assert after.runs_of("sky130", 8, 2) == before.runs_of("sky130", 8, 2) != []


def test_what_fails_changes_neither_file_nor_table(folder, monkeypatch):
    def characterise_one(request, *, as_json):
        raise RuntimeError("Yosys could not map the design: no memory")

    monkeypatch.setattr(module, "characterise_one", characterise_one)
    before = (folder / "runs").read_bytes()
    assert remake(folder, folder=folder, cache=folder, table=folder / "runs") == [
        f"{NAME} was not made: Yosys could not map the design: no memory"
    ]
    assert (folder / "runs").read_bytes() == before


def test_the_folder_of_the_libraries_must_be_there(tmp_path, capsys):
    assert main([str(tmp_path / "none")]) == 2
    assert "LIBERTY_DIR must be the folder" in capsys.readouterr().out
