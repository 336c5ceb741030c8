import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tests.golden.networks import small_network
from truncmac.golden import execute, executor, sums
from truncmac.golden import threads as module
from truncmac.golden.threads import workers


def blas_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_each_thing_is_done_once_with_blas_on_one_thread(threads, count):
    done = np.zeros(count, int)
    found = set()

    def work(thing):
        done[thing] += 1
        found.update(blas_threads())

    with threadpool_limits(threads, user_api="blas"):
        with workers() as team:
            assert team.threads == threads
            team.for_each(work, range(count))
        assert blas_threads() == {threads}
    assert (done == 1).all()
    assert found == ({1} if count else set())


def test_an_error_on_a_thread_is_raised():
    def work(thing):
        raise ValueError(f"thing {thing}")

    with (
        threadpool_limits(2, user_api="blas"),
        pytest.raises(ValueError, match="thing 0"),
        workers() as team,
    ):
        team.for_each(work, range(4))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize(("block", "patches"), [(1, 1 << 18), (500, 100), (1 << 20, 100)])
def test_blocks_and_threads_change_no_output(monkeypatch, threads, block, patches, count):
    network = small_network()
    images = np.random.default_rng(0).integers(0, 64, (count, 2, 7, 6), np.uint8)
    expected = execute(network, images, 2).outputs
    monkeypatch.setattr(executor, "BLOCK", block)
    monkeypatch.setattr(sums, "PATCHES", patches)
    with threadpool_limits(threads, user_api="blas"):
        outputs = execute(network, images, 2).outputs
    assert list(outputs) == list(expected)
    for name, values in outputs.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_the_interpreter_changes_threads_quickly_while_there_are_some():
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.003)
        with threadpool_limits(2, user_api="blas"), workers():
            assert sys.getswitchinterval() == pytest.approx(1e-4, rel=0.01)
        assert sys.getswitchinterval() == pytest.approx(0.003)
    finally:
        sys.setswitchinterval(before)


def test_without_a_library_of_blas_there_is_one_thread(monkeypatch):
    class Nothing:
        def select(self, user_api):
            return self

        def info(self):
            return []

    monkeypatch.setattr(module, "_controller", Nothing)
    with workers() as team:
        assert team == (1, module.in_turn)


def test_of_libraries_with_several_numbers_the_largest_counts(monkeypatch):
    controller = module._controller()

    class Two:
        limit = controller.limit

        def select(self, user_api):
            assert user_api == "blas"
            return self

        def info(self):
            return [{"num_threads": 1}, {"num_threads": 3}, {"num_threads": 2}]

    monkeypatch.setattr(module, "_controller", Two)
    with workers() as team:
        assert team.threads == 3
