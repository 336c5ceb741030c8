import json
import re

import pytest

from tests.sim.explore.exploring import evaluator_for, run_in
from truncmac.sim.explore.folder import ExplorationFolder, read_spec


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
