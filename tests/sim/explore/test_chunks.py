import json
import os
import re
import signal

import numpy as np
import pytest

from truncmac.sim import jobs as clusters
from truncmac.sim.explore import chunks as exploration
from truncmac.sim.explore.chunks import Chunk, Fronts, chunks_of, evaluator_of, worst
from truncmac.sim.explore.folder import ExplorationFolder, read_spec
from truncmac.sim.explore.found import Sample
from truncmac.sim.explore.run import executor, explore
from truncmac.sim.explore.search import search
from truncmac.sim.explore.spec import spec_of
from truncmac.sim.explore.tables import csv_text, parquet_rows
from truncmac.sim.explore.workers import evaluate_chunk, evaluate_on
from truncmac.sim.jobs import Cluster

SPACE = {"rows": "2..6", "cols": [2, 4, 6], "lanes": 4, "planes": [1, 2], "clock_mhz": "50,100"}
OBJECTIVES = ["images_per_s", "peak_macs", "clock_mhz"]


def evaluator_for(**settings):
    base = {"workloads": "digits", "bits": "8,2", "objectives": OBJECTIVES, "space": SPACE}
    return evaluator_of(spec_of(base | settings))


def run_in(path, evaluator, *, resume=False, how=explore, **kept):
    folder = ExplorationFolder(path, evaluator)
    folder.begin(resume)
    with executor(folder, None, 0, 1) as run:
        return how(folder, run)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(exploration, "LEAST_ROWS", 16)
    monkeypatch.setattr(exploration, "CHUNKS", 8)


def points(found):
    return {key: front.rows["point"].tolist() for key, front in found.fronts.groups.items()}


def part_bytes(folder):
    return {path.name: path.read_bytes() for path in (folder / "parts").iterdir()}


def test_chunks_cover_the_space_once(small_chunks):
    evaluator = evaluator_for()
    chunks = chunks_of(evaluator)
    assert len(chunks) == 8
    assert [point for chunk in chunks for point in chunk] == list(range(60))


def test_the_front_is_that_of_all_rows(small_chunks, tmp_path):
    evaluator = evaluator_for(constraints={"pes": {"max": 24}})
    found = run_in(tmp_path / "out", evaluator)
    rows = evaluator.rows(np.arange(60))
    assert (found.designs, found.rows, found.feasible) == (60, 120, int(rows["feasible"].sum()))
    for (_, k), front in found.fronts.groups.items():
        some = (rows["bits"] == k) & rows["feasible"]
        costs = front.costs({name: column[some] for name, column in rows.items()})
        kept = {tuple(c) for c in front.values.tolist()}
        assert kept <= {tuple(c) for c in costs.tolist()}
        for cost in costs:
            beaten = [c for c in costs if (c <= cost).all() and (c < cost).any()]
            assert (tuple(cost) in kept) == (not beaten)


def test_finished_chunks_are_not_evaluated_again(small_chunks, tmp_path, monkeypatch):
    evaluator = evaluator_for()
    first = run_in(tmp_path / "out", evaluator)
    parts = sorted((tmp_path / "out" / "parts").iterdir())
    assert len(parts) == 8 and first.reused == 0
    parts[2].unlink()
    parts[5].write_bytes(parts[5].read_bytes()[:-9])  # damaged
    evaluated = []
    rows = type(evaluator).rows

    def spy(self, points):
        evaluated.append(points.tolist())
        return rows(self, points)

    monkeypatch.setattr(type(evaluator), "rows", spy)
    again = run_in(tmp_path / "out", evaluator, resume=True)
    assert evaluated == [list(range(16, 24)), list(range(40, 48))]
    assert again.reused == 6
    assert points(again) == points(first)
    assert again.sample.rows["point"].tolist() == first.sample.rows["point"].tolist()


def test_a_run_that_is_killed_goes_on(small_chunks, tmp_path):
    evaluator = evaluator_for()
    whole = run_in(tmp_path / "whole", evaluator)
    folder = ExplorationFolder(tmp_path / "out", evaluator)
    folder.begin(False)

    def dying(chunks):
        for index, chunk in enumerate(chunks):
            if index == 3:
                raise KeyboardInterrupt
            yield evaluate_chunk(evaluator, chunk)

    with pytest.raises(KeyboardInterrupt):
        explore(folder, dying)
    again = run_in(tmp_path / "out", evaluator, resume=True)
    assert again.reused == 3
    assert points(again) == points(whole)


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


def test_all_rows_as_csv(small_chunks, tmp_path):
    evaluator = evaluator_for()
    run_in(tmp_path / "out", evaluator)
    ExplorationFolder(tmp_path / "out", evaluator).write_csv(tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert len(lines) == 121 and len(set(lines)) == 121
    assert lines[0].startswith("point,rows,cols,")
    assert csv_text({"a": np.array(['x,"y"']), "b": np.array([np.nan])}) == 'a,b\n"x,""y""",\n'


def test_the_worst_of_a_design():
    rows = {
        "point": np.array([4, 4, 7, 7]),
        "bits": np.array([8, 2, 8, 2]),
        "images_per_s": np.array([1.0, 2.0, 5.0, 3.0]),
        "cycles": np.array([10, 20, 5, 6]),
        "feasible": np.array([True, True, True, False]),
        "fits": np.array([True, True, True, True]),
    }
    found = worst(rows, {"images_per_s": -1, "cycles": 1})
    assert found["point"].tolist() == [4, 7]
    assert found["bits"].tolist() == [8, 2]
    assert found["images_per_s"].tolist() == [1.0, 3.0]
    assert found["cycles"].tolist() == [20, 6]
    assert found["feasible"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("front", "keys"),
    [
        ("each", [("digits", 8), ("digits", 2)]),
        ("workload", [("digits", 0)]),
        ("all", [("", 0)]),
        ("worst", [("", 0)]),
    ],
)
def test_there_is_a_front_for_each_group(front, keys):
    evaluator = evaluator_for(front=front)
    fronts = Fronts(evaluator.spec)
    fronts.add(evaluator.rows(np.arange(60)))
    assert list(fronts.groups) == keys
    assert len(fronts.rows["point"]) == sum(map(len, fronts.groups.values())) > 0


def test_a_sample_does_not_depend_on_the_order():
    rows = evaluator_for(constraints={"pes": {"max": 20, "min": 6}}).rows(np.arange(60))
    assert not rows["feasible"].all()
    parts = [
        {name: column[rows["point"] % 3 == i] for name, column in rows.items()} for i in range(3)
    ]
    samples = []
    for order in ((0, 1, 2), (2, 0, 1)):
        sample = Sample(seed=1, size=20)
        for index in order:
            sample.add(parts[index])
        samples.append((sample.rows["point"].tolist(), sample.rows["bits"].tolist()))
        assert sample.rows["feasible"].all()
    assert samples[0] == samples[1]
    assert len(set(zip(*samples[0], strict=True))) == 20
    other = Sample(seed=2, size=20)
    other.add(rows)
    assert other.rows["point"].tolist() != samples[0][0]


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
    first, *_, last = [sign * np.median(rows[objective]) for rows in folder.parts()]
    assert last < (0.8 * first if sign > 0 else 1.25 * first)


def test_a_killed_worker_loses_nothing(small_chunks, tmp_path):
    evaluator = evaluator_for()
    expected = run_in(tmp_path / "alone", evaluator)
    folder = ExplorationFolder(tmp_path / "out", evaluator)
    folder.begin(False)
    with Cluster.connect(None, 3) as cluster:
        before = cluster.client.run(os.getpid)
        killed = []

        def run(chunks):
            for result in evaluate_on(cluster, evaluator, chunks):
                if not killed:
                    killed.append(next(iter(before.values())))
                    os.kill(killed[0], signal.SIGKILL)
                yield result

        found = explore(folder, run)
        after = cluster.client.run(os.getpid)
        address = cluster.client.scheduler.address
        with Cluster.connect(address, 0) as joined:
            (result,) = evaluate_on(joined, evaluator, [Chunk(0, range(8))])
    assert joined.workers >= 2 and parquet_rows(result.table)["point"].tolist() == [
        i // 2 for i in range(16)
    ]
    assert len(before) == 3 and killed[0] not in after.values()
    assert (found.designs, found.chunks) == (60, 8)
    assert points(found) == points(expected)
    assert part_bytes(folder.path) == part_bytes(tmp_path / "alone")
    assert found.sample.rows["point"].tolist() == expected.sample.rows["point"].tolist()


def test_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr(clusters, "CONNECT_S", 1)
    with (
        pytest.raises(RuntimeError, match=r"^No Dask scheduler answers at tcp://127.0.0.1:9: "),
        Cluster.connect("tcp://127.0.0.1:9", 0),
    ):
        pass


def test_a_chunk_of_a_search_is_some_points():
    assert Chunk(3, np.array([4, 9])).array.tolist() == [4, 9]
