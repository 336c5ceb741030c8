import json
import re
from dataclasses import replace

import pytest

from tests.sim.explore.exploring import evaluator_for, run_in
from truncmac.sim.energy.figures import FOLDER
from truncmac.sim.explore import folder as module
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.folder import ExplorationFolder, read_designs, read_spec
from truncmac.sim.explore.settings import spec_of


def test_a_folder_belongs_to_one_spec(tmp_path):
    run_in(tmp_path / "out", evaluator_for())
    with pytest.raises(ValueError, match=r"holds results of this spec already: add --resume"):
        run_in(tmp_path / "out", evaluator_for())
    with pytest.raises(ValueError, match=r"holds results of another spec, workload or version"):
        run_in(tmp_path / "out", evaluator_for(images=2), resume=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(ValueError, match=r"full holds other files: choose another --out$"):
        run_in(tmp_path / "full", evaluator_for())


def test_the_spec_is_read_back(tmp_path):
    evaluator = evaluator_for(constraints={"pes": {"max": 24}})
    run_in(tmp_path / "out", evaluator)
    path = tmp_path / "out" / "spec.json"
    assert read_spec(path) == evaluator.spec
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"schema": 99}))
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: schema must be 1, not 99$"):
        read_spec(path)
    for text in ("[", "[]", "{}", '{"schema": 1, "spec": 3}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: must be "):
            read_spec(path)


def test_all_entries_as_csv(small_chunks, tmp_path):
    evaluator = evaluator_for()
    run_in(tmp_path / "out", evaluator)
    ExplorationFolder(tmp_path / "out", evaluator).write_csv(tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert len(lines) == 121 and len(set(lines)) == 121
    assert lines[0].startswith("point,rows,cols,")


SPACE = {"rows": 4, "cols": 4, "lanes": 16, "planes": 2}
FIGURES = "own_l16_p2.json"


@pytest.fixture
def settings(tmp_path):
    """A spec whose workload and figures are files: their names stay, what is in them may not."""
    (tmp_path / "net.csv").write_text("Layer, M, N, K,\na, 4, 3, 2,\n")
    (tmp_path / FIGURES).write_bytes((FOLDER / "ihp-sg13g2_l16_p2.json").read_bytes())
    library = str(tmp_path / FIGURES)
    workload = str(tmp_path / "net.csv")
    return {"workloads": workload, "bits": [8], "space": SPACE, "library": library}


def folder_of(tmp_path, settings):
    return ExplorationFolder(tmp_path / "out", evaluator_of(spec_of(settings)))


def other_figures(tmp_path):
    path = tmp_path / FIGURES
    data = json.loads(path.read_text())
    data["sizes"][0]["period_ps"] += 1
    path.write_text(json.dumps(data))


def other_layer(tmp_path):
    (tmp_path / "net.csv").write_text("Layer, M, N, K,\na, 4, 3, 3,\n")


@pytest.mark.parametrize("change", [other_figures, other_layer])
def test_a_file_of_the_same_name_with_other_contents_is_another_exploration(
    change, settings, tmp_path
):
    before = folder_of(tmp_path, settings)
    before.begin(resume=False)
    assert folder_of(tmp_path, settings).digest == before.digest
    folder_of(tmp_path, settings).begin(resume=True)
    change(tmp_path)
    after = folder_of(tmp_path, settings)
    assert after.evaluator.spec == before.evaluator.spec
    assert after.digest != before.digest
    with pytest.raises(ValueError, match="holds results of another spec, workload or version"):
        after.begin(resume=True)


def test_another_release_or_schema_is_another_exploration(settings, tmp_path, monkeypatch):
    before = folder_of(tmp_path, settings).digest
    monkeypatch.setattr(module, "versions", lambda: {"truncmac": "99", "numpy": "1"})
    other = folder_of(tmp_path, settings).digest
    monkeypatch.undo()
    monkeypatch.setattr(module, "SCHEMA", 99)
    assert len({before, other, folder_of(tmp_path, settings).digest}) == 3


def test_another_accuracy_or_batch_is_another_exploration(settings, tmp_path):
    evaluator = evaluator_of(spec_of(settings))
    (load,) = evaluator.loads
    digests = {
        ExplorationFolder(tmp_path, replace(evaluator, loads=(changed,))).digest
        for changed in (
            load,
            replace(load, images=2),
            replace(load, bits=(4,)),
            replace(load, name="other"),
            replace(load, accuracy=(0.5,)),
        )
    }
    assert len(digests) == 5


def test_the_arrays_of_a_front_are_read_once_each(settings, tmp_path):
    spec = spec_of(settings).as_dictionary()
    row = SPACE | {"requantisers": 2, "bits": 8}
    front = [row, row | {"bits": 4}, row | {"rows": 8}]
    found = {"schema": 1, "spec": spec, "max_reduction": 576, "front": front}
    path = tmp_path / "front.json"
    path.write_text(json.dumps(found))
    first, second = read_designs(path)
    assert (first.rows, first.cols, first.lanes, first.planes) == (4, 4, 16, 2)
    assert (first.max_reduction, first.requantisers) == (576, 2)
    assert (second.rows, second.max_reduction) == (8, 576)
    path.write_text(json.dumps(found | {"front": [{}]}))
    with pytest.raises(ValueError, match=r"must be a front\.json of truncmac explore: 'rows'$"):
        read_designs(path)
