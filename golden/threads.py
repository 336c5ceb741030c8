"""Work on as many threads as BLAS would use, while BLAS itself uses one thread in each."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

__all__ = ["Workers", "in_turn", "workers"]

SWITCH_S = 1e-4  # seconds; a call of NumPy on a part of a layer takes about as long
ForEach = Callable[[Callable[[Any], None], Sequence[Any]], None]


class Workers(NamedTuple):
    """How many threads there are, and a function that calls another for each of many things."""

    threads: int
    for_each: ForEach


def in_turn(work: Callable[[Any], None], things: Sequence[Any]) -> None:
    """Call `work` for each of `things`, on this thread."""
    for thing in things:
        work(thing)


@contextmanager
def workers() -> Iterator[Workers]:
    """Start as many threads as BLAS has, and let BLAS use one thread until they end.

    BLAS' own threads wait for each other in a busy loop, many times in a layer. That is slow if
    layers are small, and very slow if other programs use the processor. The work that is given to
    the threads must not ask for workers itself.
    """
    threads = _blas_threads()
    if threads == 1:
        yield Workers(1, in_turn)
        return
    with (
        _controller().limit(limits=1, user_api="blas"),
        _quick_switches(),
        ThreadPoolExecutor(threads) as pool,
    ):

        def for_each(work: Callable[[Any], None], things: Sequence[Any]) -> None:
            if len(things) == 1:
                work(things[0])
            else:
                list(pool.map(work, things))  # raises what they raise

        yield Workers(threads, for_each)


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let a thread that comes back from NumPy wait for the interpreter only a short time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _blas_threads() -> int:
    libraries = _controller().select(user_api="blas").info()
    return max((library["num_threads"] for library in libraries), default=1)


@cache
def _controller() -> ThreadpoolController:
    """The libraries of BLAS, which are searched for once: the search takes milliseconds."""
    return ThreadpoolController()
