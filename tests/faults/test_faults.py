"""Kill -9, full disks and folders that cannot be written: files are whole, messages one line."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sim.netlist.tiny import write_tiny

TRUNCMAC = Path(sys.executable).with_name("truncmac")
EXPORT = ["export", "digits", "--rows", "4", "--cols", "4", "--out"]
EXPLORE = ["explore", "--workloads", "digits", "--rows", "2..8", "--cols", "2..8", "--workers", "0"]
CHARACTERISE = ["--rows", "2", "--cols", "2", "--lanes", "1", "--planes", "8", "--max-reduction"]
CHARACTERISE += ["576", "-k", "8,1", "--images", "1", "--label", "tiny"]


def truncmac(*arguments, **options):
    """Run the command line in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [TRUNCMAC, *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **options
    )


def assert_one_line(run, words):
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("truncmac: ") and run.stderr.count("\n") == 1, run.stderr
    assert words in run.stderr


def kills(kind, folder):
    command = [sys.executable, "-m", "tests.faults.kills", kind, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("kind", ["export", "checkpoint", "exploration"])
def test_a_killed_writer_leaves_the_old_file_or_the_new(kind, tmp_path):
    found = kills(kind, tmp_path)
    assert found["wrong"] == []
    assert min(found["seen"]) > 0


def test_a_careless_writer_would_be_seen(tmp_path):
    assert kills("careless", tmp_path)["wrong"]


def killed_after(seconds, *arguments):
    """Start the command line and end it; True if it was still at work."""
    process = subprocess.Popen(
        [TRUNCMAC, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_an_exploration_killed_at_several_moments_goes_on(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    start = time.monotonic()
    assert truncmac(*EXPLORE, "--out", whole).returncode == 0
    took = time.monotonic() - start
    at_work = [
        killed_after(took * part, *EXPLORE, "--out", killed, "--resume") for part in (0.3, 0.6, 0.8)
    ]
    assert any(at_work)
    run = truncmac(*EXPLORE, "--out", killed, "--resume")
    assert run.returncode == 0, run.stderr
    assert (killed / "front.csv").read_bytes() == (whole / "front.csv").read_bytes()


def test_a_characterisation_killed_at_several_moments_goes_on(tmp_path):
    liberty = write_tiny(tmp_path)

    def options(name):
        places = ["--cache", tmp_path / name / "cache", "--out", tmp_path / name / "tiny.json"]
        return ["characterise", "--liberty", liberty, *CHARACTERISE, *places]

    start = time.monotonic()
    run = truncmac(*options("whole"))
    assert run.returncode == 0, run.stderr
    took = time.monotonic() - start
    assert any([killed_after(took * part, *options("killed")) for part in (0.3, 0.6, 0.8)])
    for path in (tmp_path / "killed").rglob("[!.]*.json"):
        json.loads(path.read_bytes())
    run = truncmac(*options("killed"))
    assert run.returncode == 0, run.stderr
    ours, theirs = ((tmp_path / name / "tiny.json").read_text() for name in ("killed", "whole"))
    assert ours == theirs


def test_a_disk_that_is_full_is_one_line_and_changes_no_file(tmp_path):
    """Each file may have 50,000 bytes; weights need more, so none of the set is exchanged."""
    assert truncmac(*EXPORT, tmp_path / "out", "-k", "8").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    limit = (50_000, 50_000)
    run = truncmac(
        *EXPORT,
        tmp_path / "out",
        *["-k", "8,4", "--lanes", "4"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert_one_line(run, "File too large")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_file_system_without_space_is_one_line(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting a small file system is not allowed here: {mounted.stderr.strip()}")
    try:
        assert_one_line(truncmac(*EXPORT, place / "out"), "No space left on device")
        assert list((place / "out").iterdir()) == []
    finally:
        subprocess.run(["umount", str(place)], check=True)  # noqa: S607


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    """Where tests run as root, without root's right to write anywhere."""
    bound = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    place = tmp_path / "closed"
    place.mkdir(mode=0o555)
    trial = subprocess.run(
        [*bound, "touch", str(place / "trial")], capture_output=True, text=True, check=False
    )
    if "Permission denied" not in trial.stderr:
        pytest.skip(f"no folder is closed to this user: {trial.stderr.strip()}")
    for arguments in ([*EXPORT, place / "out"], ["rtl", "--out", place]):
        command = [*bound, TRUNCMAC, *map(str, arguments)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert_one_line(run, "permission denied")
    assert list(place.iterdir()) == []
