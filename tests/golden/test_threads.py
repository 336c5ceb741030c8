import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tests.golden.networks import small_network
from truncmac.golden import execute, executor
from truncmac.golden.threads import in_blocks


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("count", "most"), [(1, 1), (7, 3), (7, 100), (8, 1)])
def test_each_thing_is_done_once(threads, count, most):
    done = np.zeros(count, int)

    def run(start, stop):
        assert 0 < stop - start <= most
        done[start:stop] += 1

    with threadpool_limits(threads, user_api="blas"):
        in_blocks(run, count, most)
    assert (done == 1).all()


def test_an_error_in_a_block_is_raised():
    def run(start, stop):
        raise ValueError(f"block {start}")

    with threadpool_limits(2, user_api="blas"), pytest.raises(ValueError, match="block 0"):
        in_blocks(run, 4, 1)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block", [1, 500, 1 << 20])
def test_blocks_and_threads_change_no_output(monkeypatch, threads, block):
    network = small_network()
    images = np.random.default_rng(0).integers(0, 64, (7, 2, 7, 6), np.uint8)
    expected = execute(network, images, 2).outputs
    monkeypatch.setattr(executor, "BLOCK", block)
    with threadpool_limits(threads, user_api="blas"):
        outputs = execute(network, images, 2).outputs
    assert list(outputs) == list(expected)
    for name, values in outputs.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
