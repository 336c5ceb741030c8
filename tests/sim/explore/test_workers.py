import numpy as np

from tests.sim.explore.exploring import SPACE, evaluator_for
from truncmac.sim.explore import workers
from truncmac.sim.explore.chunks import Chunk
from truncmac.sim.explore.tables import read_parquet
from truncmac.sim.explore.workers import evaluate, evaluate_chunk, workers_worth


def test_a_chunk_s_table_and_what_is_found_in_it_are_of_its_designs():
    evaluator = evaluator_for(constraints={"pes": {"max": 10}})
    result = evaluate_chunk(evaluator, Chunk(2, np.array([7, 30])))
    table, expected = read_parquet(result.table), evaluator.evaluate(np.array([7, 30]))
    assert list(table) == list(expected)
    for name, column in expected.items():
        np.testing.assert_array_equal(table[name], column)
    found = result.found
    assert (found.designs, found.entries, found.chunks, found.reused) == (2, 4, 1, 0)
    assert found.feasible == expected["feasible"].sum() == 2


def test_chunks_are_evaluated_in_order():
    chunks = [Chunk(1, range(4)), Chunk(0, range(4, 8))]
    assert [result.chunk for result in evaluate(evaluator_for(), chunks)] == chunks


def test_workers_are_worth_their_start_if_there_is_much_to_evaluate(monkeypatch):
    small = evaluator_for()
    large = evaluator_for(space=SPACE | {"rows": "1..64", "cols": "1..64"}, bits="8,4,2,1")
    monkeypatch.setattr(workers, "WORTH_WORKERS_S", 0.1)  # 30,000 layers
    # 60 designs of five layers at two k, and 64 * 64 * 4 designs at four
    assert not workers_worth(small)
    assert workers_worth(large)
