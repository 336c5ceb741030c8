import numpy as np
import pytest

from tests.sim.explore.exploring import SPACE, evaluator_for, points, run_in
from truncmac.sim.explore.folder import ExplorationFolder
from truncmac.sim.explore.search import search


@pytest.mark.parametrize("front", ["each", "workload", "worst"])
@pytest.mark.parametrize("method", ["nsga2", "tpe"])
def test_a_search_is_the_same_again_and_resumes(method, front, tmp_path):
    space = SPACE | {"rows": "1..40", "cols": "1..40", "requantisers": "auto,3"}
    evaluator = evaluator_for(
        space=space,
        front=front,
        search={"method": method, "trials": 60},
        constraints={"pes": {"max": 200}},
    )
    first = run_in(tmp_path / "a", evaluator, how=search)
    assert 30 <= first.designs <= 60
    parts = sorted((tmp_path / "a" / "parts").iterdir())
    parts[-1].unlink()
    again = run_in(tmp_path / "a", evaluator, how=search, resume=True)
    assert again.reused == len(parts) - 1
    assert points(again) == points(first)


def test_a_search_finds_what_the_whole_space_has(tmp_path):
    settings = {"objectives": ["images_per_s", "peak_macs"], "bits": "2"}
    whole = run_in(tmp_path / "a", evaluator_for(**settings))
    evaluator = evaluator_for(**settings, search={"method": "nsga2", "trials": 60})
    found = run_in(tmp_path / "b", evaluator, how=search)
    assert found.designs <= 60
    if found.designs == 60:
        assert points(found) == points(whole)
    best = {key: front.values[:, 0].min() for key, front in whole.fronts.groups.items()}
    assert best == {key: front.values[:, 0].min() for key, front in found.fronts.groups.items()}


@pytest.mark.parametrize(("objective", "sign"), [("cycles", 1), ("images_per_s", -1)])
def test_a_search_gets_better(objective, sign, tmp_path):
    evaluator = evaluator_for(
        objectives=[objective],
        bits="8",
        space=SPACE | {"rows": "1..64", "cols": "1..64"},
        search={"method": "nsga2", "trials": 160},
    )
    folder = ExplorationFolder(tmp_path / "a", evaluator)
    run_in(folder.path, evaluator, how=search)
    first, *_, last = [sign * np.median(table[objective]) for table in folder.parts()]
    assert last < (0.8 * first if sign > 0 else 1.25 * first)
