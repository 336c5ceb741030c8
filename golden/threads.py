"""Runs blocks of work on as many threads as BLAS would use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from threadpoolctl import ThreadpoolController

__all__ = ["in_blocks"]


def in_blocks(run: Callable[[int, int], None], count: int, most: int) -> None:
    """Call `run(start, stop)` for blocks of at most `most` of `count` things, in parallel.

    There are as many threads as BLAS has, and each block then has BLAS on one thread; a single
    block has BLAS on all of them. `run` must be safe to call from several threads.
    """
    threads = _blas_threads()
    size = min(most, -(-count // threads))
    starts = range(0, count, size)
    if threads == 1 or len(starts) == 1:
        for start in starts:
            run(start, min(start + size, count))
        return
    with (
        _controller().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(min(threads, len(starts))) as pool,
    ):
        for future in [pool.submit(run, start, min(start + size, count)) for start in starts]:
            future.result()


def _blas_threads() -> int:
    libraries = _controller().select(user_api="blas").info()
    return max((library["num_threads"] for library in libraries), default=1)


@cache
def _controller() -> ThreadpoolController:
    """The libraries are searched for once: that takes milliseconds."""
    return ThreadpoolController()
