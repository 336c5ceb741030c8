"""Long runs that are killed, damaged, doubled or shut out: explore, train and characterise.

A run that goes on afterwards ends with the files of a run that nothing disturbed, or is refused
with one line that names the file; nothing in between.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sim.netlist.tiny import write_tiny

TRUNCMAC = Path(sys.executable).with_name("truncmac")


def flipped(data, noise):
    """One bit is another, as on a bad disk; everything else is in order."""
    place = noise.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << noise.randrange(8)]) + data[place + 1 :]


HURTS = {
    "cut": lambda data, noise: data[: len(data) // 2],
    "empty": lambda data, noise: b"",
    "garbled": lambda data, noise: noise.randbytes(len(data)),
    "text": lambda data, noise: b"{}",
    "flipped": flipped,
    "gone": None,
}


@dataclass(frozen=True)
class LongRun:
    """A command that writes a folder and can go on with what is there.

    words : the command line; {place} is its folder, {beside} what that lies in
    resume : what is added to go on
    begun : patterns of the files without which it begins anew
    kept : patterns of the files that it goes on with, each of which is damaged
    results : what must be the same in the end
    hurts : ways in which each kind of file is damaged
    kills : of a run that is at work
    refuses_a_second : whether two at once cannot both end with exit code 0
    """

    words: tuple[str, ...]
    resume: tuple[str, ...]
    begun: tuple[str, ...]
    kept: tuple[str, ...]
    results: tuple[str, ...]
    hurts: tuple[str, ...]
    kills: int
    refuses_a_second: bool

    def command(self, place, *, on=False):
        """The words that begin, or with `on` those that go on where there is something."""
        begun = on and any(list(place.glob(pattern)) for pattern in self.begun)
        words = [*self.words, *(self.resume if begun else ())]
        return [str(TRUNCMAC), *(word.format(place=place, beside=place.parent) for word in words)]

    def found(self, place):
        """Content of the results."""
        return {name: (place / name).read_bytes() for name in self.results}

    def whole(self, place):
        run = call(self.command(place))
        assert run.returncode == 0, run.stderr
        return self.found(place)


RUNS = {
    "explore": LongRun(
        words=(
            *("explore", "--workloads", "digits", "--rows", "2..8", "--cols", "2..8"),
            *("--workers", "0", "--out", "{place}"),
        ),
        resume=("--resume",),
        begun=("spec.json",),
        kept=("spec.json", "parts/*.parquet"),
        results=("front.csv", "front.json", "report.html"),
        hurts=tuple(HURTS),
        kills=8,
        refuses_a_second=True,
    ),
    "train": LongRun(
        words=("train", "--network", "mlp", "--epochs", "3", "--out", "{place}"),
        resume=("--resume",),
        begun=("checkpoint.safetensors",),
        kept=("checkpoint.safetensors", "log.csv"),
        results=("network.safetensors", "images.safetensors", "checkpoint.safetensors", "log.csv"),
        hurts=tuple(HURTS),
        kills=6,
        refuses_a_second=True,
    ),
    "study": LongRun(
        words=(
            *("train", "--study", "--network", "mlp", "--epochs", "1", "--seeds", "1"),
            *("--out", "{place}"),
        ),
        resume=("--resume",),
        begun=("study.json",),
        kept=("study.json",),
        results=("study.json",),
        hurts=tuple(HURTS),
        kills=3,
        refuses_a_second=True,
    ),
    "characterise": LongRun(
        words=(
            *("characterise", "--liberty", "{beside}/tiny.lib", "--rows", "2", "--cols", "2"),
            *("--lanes", "1", "--planes", "8", "--max-reduction", "576", "-k", "8"),
            *("--images", "1", "--hold-out-layers", "1", "--label", "tiny"),
            *("--cache", "{place}/cache", "--out", "{place}/tiny.json"),
        ),
        resume=(),
        begun=(),
        kept=("cache/netlist_*", "cache/gates_*", "cache/run_*"),
        results=("tiny.json",),
        hurts=("cut", "flipped", "gone"),  # a netlist is half a minute's work
        kills=4,
        refuses_a_second=False,  # runs share a cache, and write equal files
    ),
}


@pytest.fixture
def place(tmp_path):
    write_tiny(tmp_path).rename(tmp_path / "tiny.lib")
    return tmp_path / "out"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A whole run of each kind, made once: its folder, what it gave, and the seconds it took."""
    made = {}

    def undisturbed(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            write_tiny(folder).rename(folder / "tiny.lib")
            begun = time.monotonic()
            expected = RUNS[name].whole(folder / "out")
            made[name] = folder / "out", expected, time.monotonic() - begun
        return made[name]

    return undisturbed


def call(command, **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **options
    )


def start(command):
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def kill(process):
    """End it with all that it started; whether it was still at work."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def goes_on(run, place, expected):
    """Whether it ends with what a whole run gives; if not, it is refused as it should be."""
    done = call(run.command(place, on=True))
    if done.returncode == 0:
        assert run.found(place) == expected
        return True
    assert_refused(done.returncode, done.stderr, place)
    return False


def assert_refused(code, said, place):
    assert code == 2, said
    assert said.startswith("truncmac: ") and said.count("\n") == 1, said
    assert str(place) in said


def no_leftovers(place):
    """Hidden files are what a killed run did not finish; one that ended leaves none."""
    return [path for path in place.rglob(".*") if path.is_file()] == []


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_it_goes_on_after_kills_at_random_moments(name, place, undisturbed):
    """A run that ends before it is killed has equal results, and another begins anew."""
    run, noise = RUNS[name], random.Random(name)
    _, expected, took = undisturbed(name)
    killed = ended = 0
    while killed < run.kills:
        process = start(run.command(place, on=True))
        time.sleep(noise.uniform(0, took))
        if kill(process):
            killed += 1
            continue
        ended += 1
        assert process.returncode == 0 and ended < 4 * run.kills
        assert run.found(place) == expected
        shutil.rmtree(place)
    assert goes_on(run, place, expected)


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_what_it_goes_on_with_may_be_damaged(name, place, undisturbed):
    """Each kind of file that it goes on with, in each way; where it is refused, a copy helps."""
    run, noise = RUNS[name], random.Random(name)
    whole, expected, _ = undisturbed(name)
    shutil.copytree(whole, place)
    groups = [sorted(place.glob(pattern)) for pattern in run.kept]
    assert all(groups)
    tried = 0
    for path in [noise.choice(group) for group in groups]:
        data = path.read_bytes()
        for hurt in [HURTS[kind] for kind in run.hurts]:
            if hurt is None:
                path.unlink()
            else:
                path.write_bytes(hurt(data, noise))
            for name in run.results:  # so that they are made again
                if place / name != path and name not in run.kept:
                    (place / name).unlink()
            if not goes_on(run, place, expected):
                path.write_bytes(data)  # as the user would from a copy
                assert goes_on(run, place, expected)
            shutil.rmtree(place)
            shutil.copytree(whole, place)
            tried += 1
    assert tried == len(groups) * len(run.hurts)


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_two_at_once_in_a_folder_leave_what_one_leaves(name, place, undisturbed):
    run = RUNS[name]
    _, expected, _ = undisturbed(name)
    both = [start(run.command(place, on=True)) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == ([0, 2] if run.refuses_a_second else [0, 0]), said
    for text, code in zip(said, codes, strict=True):
        if code:
            assert_refused(code, text, place)
    assert run.found(place) == expected
    assert goes_on(run, place, expected)
    assert no_leftovers(place)


@pytest.mark.parametrize("name", RUNS)
def test_a_folder_that_is_closed_to_the_user_is_one_line_at_once(name, place):
    """Where tests run as root, without root's right to write anywhere."""
    bound = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    place.mkdir(mode=0o555)
    trial = call([*bound, "touch", str(place / "trial")])
    if "Permission denied" not in trial.stderr:
        pytest.skip(f"no folder is closed to this user: {trial.stderr.strip()}")
    done = call([*bound, *RUNS[name].command(place)])
    assert done.returncode == 2
    assert "permission denied" in done.stderr
    assert done.stderr.startswith("truncmac: ") and done.stderr.count("\n") == 1
    assert list(place.iterdir()) == []
