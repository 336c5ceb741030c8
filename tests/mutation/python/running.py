"""Runs tests on mutants: a process imports what tests need of others, and forks for each mutant.

In the child the package is imported anew, the mutant's file from its changed tree, and the tests
that run the changed function: those of the file's own test first, the quick ones first, until an
assertion fails. If one of these ends otherwise, no others run; of the others the first that
fails is the last. Time is the processor's, so that other processes do not matter.
"""

import ast
import contextlib
import ctypes
import functools
import gc
import importlib.abc
import importlib.util
import io
import json
import linecache
import os
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest

from tests.mutation.python.hardware import described
from tests.mutation.python.operators import NOTE, Mutant, mutated, noted
from tests.mutation.python.targets import ROOT, Group

__all__ = ["OUTCOMES", "Outcome", "Reach", "judge", "reach_of", "ready"]

OUTCOMES = {
    "assertion": "an assertion of a test fails",
    "refusal": "the package refuses what a test gives it rightly, and no assertion fails",
    "error": "a test ends in an error that no assertion expects",
    "time-out": "a test takes ten times its time, and no assertion fails",
    "import": "the file cannot be imported",
    "same": "the file describes the same hardware",
    "lives": "no test notices",
}
PLAIN = ["--lean", "--hypothesis-profile=first", "-m", ""]  # the plugins choose
PLAIN += [*(f"-pno:{name}" for name in ("cacheprovider", "xdist", "faulthandler"))]
LEAST_S, TIMES = 3.0, 10.0  # of the processor, for a test: TIMES what it took, and LEAST_S more
BENCH_S = 60.0  # and so much more for a bench, which says itself that its hardware does not end
DIE_WITH_PARENT = 1  # of prctl
MEMORY = 4 << 30  # bytes that a mutant may take more than the process that it comes from
QUIET = ("-pno:unraisableexception",)  # parts of hardware that is never whole
SOURCES = ("golden", "hw", "model", "sim", "truncmac")
PACKAGES = ("truncmac", "tests", "tools", "benchmarks")


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: one of `OUTCOMES`, the test that said so, and its seconds."""

    outcome: str
    test: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Reach:
    """What the tests of a group run.

    Attributes
    ----------
    seconds : of the processor, by test
    functions : "path function" that each test calls, by test
    imported : "path function" that are called when the tests are imported
    """

    seconds: Mapping[str, float]
    functions: Mapping[str, Sequence[str]]
    imported: Sequence[str]

    def tests(self, mutant: Mutant, *, own_only: bool = False) -> list[str]:
        """Tests that may notice a mutant: of the file's own, then others, each quick ones first."""
        place = f"{mutant.path} {mutant.function}"
        every = not mutant.function or mutant.function.endswith(".") or place in self.imported
        own = f"tests/{Path(mutant.path).with_name(f'test_{Path(mutant.path).name}')}::"
        some = [t for t, called in self.functions.items() if every or place in called]
        if own_only:
            some = [test for test in some if test.startswith(own)]
        return sorted(some, key=lambda test: (not test.startswith(own), self.seconds[test]))


class TestTimeoutError(BaseException):
    """Raised in a test that takes too long."""


class _Stop:
    """Plugin of a mutant's tests: their order, their time, and what the first to notice says."""

    def __init__(
        self, order: Sequence[str], seconds: Mapping[str, float], *, least: float, at_once: bool
    ) -> None:
        self.order = {test: place for place, test in enumerate(order)}
        self.least = least  # seconds that each test has
        self.seconds = seconds
        self.at_once = at_once  # whether the first test that fails is the last
        self.found = Outcome("lives")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.order]
        items.sort(key=lambda item: self.order[item.nodeid])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.found = Outcome("import", report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        most = self.least + TIMES * self.seconds.get(item.nodeid, 0.0)
        signal.setitimer(signal.ITIMER_PROF, most, 1.0)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        if call.excinfo is None or isinstance(call.excinfo.value, pytest.skip.Exception):
            return
        found = _kind(call.excinfo.value)
        if self.found.outcome == "lives" or found == "assertion":
            self.found = Outcome(found, item.nodeid)
        if found in ("assertion", "time-out") or self.at_once:
            item.session.shouldstop = "killed"


def _kind(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        kinds = {_kind(one) for one in error.exceptions}
        return "assertion" if "assertion" in kinds else min(kinds)
    if isinstance(error, AssertionError | pytest.fail.Exception | TimeoutError):
        return "assertion"  # with TimeoutError a bench says that its hardware does not end
    if isinstance(error, TestTimeoutError):
        return "time-out"
    return "refusal" if _is_raised_by_us(error.__traceback__) else "error"


def _is_raised_by_us(trace: TracebackType | None) -> bool:
    """Whether the last frame is at a `raise` of the package."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    path = Path(trace.tb_frame.f_code.co_filename)
    ours = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in SOURCES
    return ours and linecache.getline(str(path), trace.tb_lineno).lstrip().startswith("raise")


class _Watch:
    """Plugin that notes what each test calls of some files, and the time that it takes.

    What a fixture calls counts for all tests that use it, though it is made once for many. What is
    kept from call to call is forgotten before each test, so that the test makes it itself.
    """

    def __init__(self, group: Group) -> None:
        self.whole = group.whole
        self.called: set[str] = set()
        self.made: defaultdict[str, set[str]] = defaultdict(set)
        self.imported: set[str] = set()
        self.functions: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def note(self, function: str) -> None:
        """Called by each function of the files, with its path and name."""
        self.called.add(function)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [
            item
            for item in items
            if item.nodeid.partition("::")[0] in self.whole or not item.get_closest_marker("long")
        ]

    def pytest_collection_finish(self) -> None:
        self.imported = set(self.called)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        _forget()
        self.called = set()
        start = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - start
        made = [self.made[name] for name in getattr(item, "fixturenames", ())]
        self.functions[item.nodeid] = sorted(self.called.union(*made))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        before, self.called = self.called, set()
        try:
            return (yield)
        finally:
            self.made[fixturedef.argname] |= self.called
            self.called |= before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def _forget() -> None:
    """Empty the caches of functions of our own."""
    for name, module in [*sys.modules.items()]:
        if name.partition(".")[0] in PACKAGES:
            for value in [*vars(module).values()]:
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


class _Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives modules from changed trees.

    Parameters
    ----------
    trees : by path of the file, from the root
    names : what the modules can use beside their own
    """

    def __init__(self, trees: Mapping[str, ast.Module], **names: object) -> None:
        self.trees = {_module(path): (ROOT / path, tree) for path, tree in trees.items()}
        self.names = names

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        if name not in self.trees:
            return None
        return importlib.util.spec_from_file_location(name, self.trees[name][0], loader=self)

    def exec_module(self, module: ModuleType) -> None:
        place, tree = self.trees[module.__name__]
        module.__dict__.update(self.names)
        exec(compile(tree, place, "exec"), module.__dict__)  # noqa: S102 (of our own file)


def _module(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    return ".".join(parts if parts[0] == "truncmac" else ("truncmac", *parts))


def ready(group: Group) -> None:
    """Import what the tests of a group need, and forget our own part of it."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*PLAIN, "--collect-only", *group.tests])
    kept = {name for name in sys.modules if __name__.startswith(name)}
    kept |= {name for name in sys.modules if name.startswith(__package__)}
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        if name not in kept:
            del sys.modules[name]
    gc.collect()
    gc.freeze()


def reach_of(group: Group, workers: int = 1) -> Reach:
    """Run the tests of a group, and note what they call.

    Raises
    ------
    RuntimeError
        If one fails.
    """

    def run(paths: Sequence[str]) -> dict[str, Any]:
        watch = _Watch(group)
        trees = {path: noted(path, (ROOT / path).read_text()) for path in group.sources}
        sys.meta_path.insert(0, _Importer(trees, **{NOTE: watch.note}))
        _pytest(paths, watch)
        return {
            "seconds": watch.seconds,
            "functions": watch.functions,
            "imported": sorted(watch.imported),
            "failed": watch.failed,
        }

    ready(group)
    parts = [part for number in range(workers) if (part := group.tests[number::workers])]
    tasks = [(str(number), partial(run, part)) for number, part in enumerate(parts)]
    found = [some for _, some in _forked(tasks, workers, limit=lambda name: 3600.0)]
    failed = [some["failed"] if some else "they did not end" for some in found]
    if any(failed):
        raise RuntimeError(f"Tests of {group.name} fail without a mutant: {failed}")
    return Reach(
        {test: time_s for some in found for test, time_s in some["seconds"].items()},
        {test: called for some in found for test, called in some["functions"].items()},
        sorted({name for some in found for name in some["imported"]}),
    )


def judge(
    group: Group,
    mutants: Sequence[Mutant],
    reach: Reach,
    *,
    workers: int = 2,
    own_only: bool = False,
) -> Iterator[tuple[Mutant, Outcome]]:
    """Run the tests on each mutant of a group; `ready`, or `reach_of`, must have been called.

    Parameters
    ----------
    own_only : only those of the mutant's file
    """

    def task(mutant: Mutant) -> Callable[[], dict[str, Any]]:
        order = reach.tests(mutant, own_only=own_only)
        return lambda: asdict(_play(group, mutant, reach, order, described))

    def limit(key: str) -> float:
        seconds = sum(reach.seconds[test] for test in reach.tests(known[key]))
        return 60 + BENCH_S + 30 * (LEAST_S + TIMES) + 20 * seconds

    known = {mutant.key: mutant for mutant in mutants}
    described = () if own_only else _described(group)
    tasks = [(mutant.key, task(mutant)) for mutant in mutants]
    for key, found in _forked(tasks, workers, limit):
        yield known[key], Outcome("time-out") if found is None else Outcome(**found)


def _described(group: Group) -> Sequence[str]:
    """What the hardware of a group is, without a mutant."""
    if not group.hardware:
        return ()
    ((_, found),) = _forked([("", lambda: list(described()))], 1, lambda name: 600.0)
    return found


def _is_the_same(expected: Sequence[str]) -> bool:
    try:
        return all(one == other for one, other in zip(described(), expected, strict=True))
    except Exception:  # of a mutant, which may raise anything
        return False


def _play(
    group: Group, mutant: Mutant, reach: Reach, order: Sequence[str], expected: Sequence[str]
) -> Outcome:
    if not order:
        return Outcome("lives")
    source = (ROOT / mutant.path).read_text()
    tree = mutated(source, mutant.number, strings=group.strings, hardware=group.hardware)
    sys.meta_path.insert(0, _Importer({mutant.path: tree}))
    signal.signal(signal.SIGPROF, _too_long)
    most = _memory() + MEMORY
    # Yosys reserves addresses that it never uses
    kind = resource.RLIMIT_DATA if group.hardware else resource.RLIMIT_AS
    resource.setrlimit(kind, (most, most))
    start = time.process_time()
    own = [test for test in order if test.startswith(order[0].partition("::")[0] + "::")]
    found = Outcome("lives")
    least = LEAST_S + BENCH_S * group.hardware
    for tests in filter(None, (own, order[len(own) :])):
        stumbled = found.outcome == "error"  # of a bench, which may stumble over what others notice
        if tests is not own and group.hardware and not stumbled and _is_the_same(expected):
            return Outcome("same", seconds=time.process_time() - start)
        at_once = tests is not own and not group.hardware
        stop = _Stop(tests, reach.seconds, least=least, at_once=at_once)
        paths = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        code = _pytest(paths, stop, *(QUIET if group.hardware else ()))
        if stop.found.outcome != "lives" or not stumbled:
            found = stop.found
        if found.outcome == "lives" and code > pytest.ExitCode.INTERRUPTED:
            broken = code == pytest.ExitCode.USAGE_ERROR  # tests/conftest.py imports it
            found = Outcome("import" if broken else "error")
        if found.outcome != "lives" and not (group.hardware and found.outcome == "error"):
            break
    return Outcome(found.outcome, found.test, time.process_time() - start)


def _too_long(number: int, frame: object) -> None:
    raise TestTimeoutError


def _memory() -> int:
    """Bytes of address space that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _pytest(paths: Sequence[str], plugin: object, *options: str) -> int:
    place = ROOT / "build" / "mutants" / str(os.getpid())
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        return int(
            pytest.main([*PLAIN, *options, "--basetemp", str(place), *paths], plugins=[plugin])
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _forked(
    tasks: Sequence[tuple[str, Callable[[], Any]]],
    workers: int,
    limit: Callable[[str], float],
) -> Iterator[tuple[str, Any]]:
    """Run each task in a process of its own; None for one that ends otherwise, or too late."""
    waiting, running = list(tasks)[::-1], {}
    while waiting or running:
        while waiting and len(running) < workers:
            name, task = waiting.pop()
            end, child = _start(task)
            running[end] = (name, child, time.monotonic() + limit(name), [])
        ready, _, _ = select.select(list(running), [], [], 0.5)
        for end in list(running):
            name, child, deadline, parts = running[end]
            late = time.monotonic() > deadline
            if end in ready and (part := os.read(end, 1 << 16)):
                parts.append(part)
            elif end in ready or late:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(end)
                del running[end]
                text = b"".join(parts)
                yield name, json.loads(text) if text and not late else None


def _start(task: Callable[[], Any]) -> tuple[int, int]:
    """Fork; the end of a pipe that gives what the task returns as JSON, and the child."""
    end, other = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        os.close(other)
        return end, child
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        text = json.dumps(task()).encode()
        with os.fdopen(other, "wb") as file:
            file.write(text)
        code = 0
    except BaseException:  # whatever a mutant does must not come back as the parent
        log = ROOT / "build" / "mutants" / "errors.log"
        with contextlib.suppress(Exception), log.open("a") as file:
            traceback.print_exc(file=file)
    finally:
        os._exit(code)
