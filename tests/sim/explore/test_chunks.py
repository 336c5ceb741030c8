import numpy as np

from tests.sim.explore.exploring import evaluator_for
from truncmac.sim.explore.chunks import Chunk, chunks_of


def test_chunks_cover_the_space_once(small_chunks):
    evaluator = evaluator_for()
    chunks = chunks_of(evaluator)
    assert len(chunks) == 8
    assert [point for chunk in chunks for point in chunk] == list(range(60))


def test_a_chunk_of_a_search_is_some_points():
    assert Chunk(3, np.array([4, 9])).array.tolist() == [4, 9]
