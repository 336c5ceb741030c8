import os
import signal

import numpy as np
import pytest

from tests.sim.explore.exploring import evaluator_for, part_bytes, points, run_in
from truncmac.sim.explore.chunks import Chunk
from truncmac.sim.explore.folder import ExplorationFolder
from truncmac.sim.explore.run import explore_all
from truncmac.sim.explore.tables import read_parquet
from truncmac.sim.explore.workers import evaluate_chunk, evaluate_on
from truncmac.sim.jobs import DaskCluster


def test_the_front_is_that_of_all_entries(small_chunks, tmp_path):
    evaluator = evaluator_for(constraints={"pes": {"max": 24}})
    found = run_in(tmp_path / "out", evaluator)
    table = evaluator.evaluate(np.arange(60))
    assert (found.designs, found.entries, found.feasible) == (60, 120, int(table["feasible"].sum()))
    for (_, k), front in found.fronts.groups.items():
        some = (table["bits"] == k) & table["feasible"]
        costs = front.costs({name: column[some] for name, column in table.items()})
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
    evaluate = type(evaluator).evaluate

    def spy(self, points):
        evaluated.append(points.tolist())
        return evaluate(self, points)

    monkeypatch.setattr(type(evaluator), "evaluate", spy)
    again = run_in(tmp_path / "out", evaluator, resume=True)
    assert evaluated == [list(range(16, 24)), list(range(40, 48))]
    assert again.reused == 6
    assert points(again) == points(first)
    assert again.sample.table["point"].tolist() == first.sample.table["point"].tolist()


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
        explore_all(folder, dying)
    again = run_in(tmp_path / "out", evaluator, resume=True)
    assert again.reused == 3
    assert points(again) == points(whole)


def test_a_killed_worker_loses_nothing(small_chunks, tmp_path):
    evaluator = evaluator_for()
    expected = run_in(tmp_path / "alone", evaluator)
    folder = ExplorationFolder(tmp_path / "out", evaluator)
    folder.begin(False)
    with DaskCluster.connect(None, 3) as cluster:
        before = cluster.client.run(os.getpid)
        killed = []

        def run(chunks):
            for result in evaluate_on(cluster, evaluator, chunks):
                if not killed:
                    killed.append(next(iter(before.values())))
                    os.kill(killed[0], signal.SIGKILL)
                yield result

        found = explore_all(folder, run)
        after = cluster.client.run(os.getpid)
        address = cluster.client.scheduler.address
        with DaskCluster.connect(address, 0) as joined:
            (result,) = evaluate_on(joined, evaluator, [Chunk(0, range(8))])
    assert joined.workers >= 2 and read_parquet(result.table)["point"].tolist() == [
        i // 2 for i in range(16)
    ]
    assert len(before) == 3 and killed[0] not in after.values()
    assert (found.designs, found.chunks) == (60, 8)
    assert points(found) == points(expected)
    assert part_bytes(folder.path) == part_bytes(tmp_path / "alone")
    assert found.sample.table["point"].tolist() == expected.sample.table["point"].tolist()
