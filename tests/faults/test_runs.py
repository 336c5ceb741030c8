"""Long runs that are killed, damaged, doubled or shut out: explore, train and characterise.

A run that goes on afterwards ends with the files of a run that nothing disturbed, or is refused
with one line that names the file; nothing in between.
"""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sim.netlist.tiny import write_tiny

TRUNCMAC = Path(sys.executable).with_name("truncmac")
KILLS = 4  # of a run that is at work
TRIES = 12
HURTS = {
    "cut": lambda data, noise: data[: len(data) // 2],
    "empty": lambda data, noise: b"",
    "garbled": lambda data, noise: noise.randbytes(len(data)),
    "text": lambda data, noise: b"{}",
}


@dataclass(frozen=True)
class LongRun:
    """A command that writes a folder and can go on with what is there."""

    words: tuple[str, ...]
    resume: tuple[str, ...]
    result: str  # what must be the same in the end
    kept: tuple[str, ...]  # patterns of what it goes on with

    def command(self, place, *, on=False):
        """The words that begin, or with `on` those that go on where there is something."""
        begun = on and any(list(place.glob(pattern)) for pattern in self.kept)
        words = [*self.words, *(self.resume if begun else ())]
        return [str(TRUNCMAC), *(word.format(place=place) for word in words)]

    def whole(self, place):
        run = call(self.command(place))
        assert run.returncode == 0, run.stderr
        return (place / self.result).read_bytes()


EXPLORE = LongRun(
    (
        *("explore", "--workloads", "digits", "--rows", "2..8", "--cols", "2..8"),
        *("--workers", "0", "--out", "{place}"),
    ),
    ("--resume",),
    "front.csv",
    ("spec.json", "parts/*.parquet"),
)
TRAIN = LongRun(
    ("train", "--network", "mlp", "--epochs", "2", "--out", "{place}"),
    ("--resume",),
    "network.safetensors",
    ("checkpoint.safetensors", "log.csv"),
)
CHARACTERISE = LongRun(
    (
        *("characterise", "--liberty", "{place}/../tiny.lib", "--rows", "2", "--cols", "2"),
        *("--lanes", "1", "--planes", "8", "--max-reduction", "576", "-k", "8", "--images", "1"),
        *("--hold-out-layers", "1", "--label", "tiny"),
        *("--cache", "{place}/cache", "--out", "{place}/tiny.json"),
    ),
    (),
    "tiny.json",
    ("cache/*.json", "cache/*/*.json"),
)
RESUMED = ["explore"]  # killed, damaged and doubled here; test_faults.py kills the others
RUNS = {"explore": EXPLORE, "train": TRAIN, "characterise": CHARACTERISE}


@pytest.fixture
def place(tmp_path):
    write_tiny(tmp_path).rename(tmp_path / "tiny.lib")
    return tmp_path / "out"


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


def goes_on(run, place, expected):
    """Whether it ends with what a whole run gives; if not, it is refused as it should be."""
    done = call(run.command(place, on=True))
    if done.returncode == 0:
        assert (place / run.result).read_bytes() == expected
        return True
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("truncmac: ") and done.stderr.count("\n") == 1, done.stderr
    assert str(place) in done.stderr
    return False


@pytest.mark.long
@pytest.mark.parametrize("name", RESUMED)
def test_it_goes_on_after_kills_at_random_moments(name, place, tmp_path):
    run, noise = RUNS[name], random.Random(name)
    begun = time.monotonic()
    expected = run.whole(tmp_path / "whole")
    took = time.monotonic() - begun
    killed = 0
    for _ in range(TRIES):
        process = start(run.command(place, on=True))
        time.sleep(noise.uniform(0, took))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if killed == KILLS:
            break
    assert killed == KILLS
    assert goes_on(run, place, expected)


@pytest.mark.long
@pytest.mark.parametrize("name", RESUMED)
def test_what_it_goes_on_with_may_be_damaged(name, place, tmp_path):
    run, noise = RUNS[name], random.Random(name)
    expected = run.whole(place)
    kept = sorted(path for pattern in run.kept for path in place.glob(pattern))
    assert len(kept) >= 2
    tried = 0
    for path in noise.sample(kept, min(len(kept), 3)):
        data = path.read_bytes()
        for hurt in HURTS.values():
            path.write_bytes(hurt(data, noise))
            if not goes_on(run, place, expected):
                path.write_bytes(data)  # as the user would from a copy
                assert goes_on(run, place, expected)
            path.write_bytes(data)
            tried += 1
    assert tried >= 2 * len(HURTS)


@pytest.mark.long
@pytest.mark.parametrize("name", RESUMED)
def test_two_at_once_in_a_folder_leave_what_one_leaves(name, place, tmp_path):
    run = RUNS[name]
    expected = run.whole(tmp_path / "whole")
    both = [start(run.command(place, on=True)) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes and set(codes) <= {0, 2}, said
    assert all(text.count("\n") <= 1 for text, code in zip(said, codes, strict=True) if code), said
    assert (place / run.result).read_bytes() == expected
    assert goes_on(run, place, expected)
    assert [path for path in place.rglob(".*") if path.is_file()] == []


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
