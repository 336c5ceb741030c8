"""Kill -9, full disks and folders that cannot be written: files are whole, messages one line."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

TRUNCMAC = Path(sys.executable).with_name("truncmac")
EXPORT = ["export", "digits", "--rows", "4", "--cols", "4", "--out"]


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


def kills(kind, folder, count):
    command = [sys.executable, "-m", "tests.faults.kills", kind, str(folder), str(count)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["kills"] >= count
    return found


WRITERS = [
    *("export", "exploration", "measurement"),
    pytest.param("checkpoint", marks=pytest.mark.long),
]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_killed_writer_leaves_the_old_file_or_the_new(kind, tmp_path):
    found = kills(kind, tmp_path, 6)
    assert found["wrong"] == []
    assert min(found["seen"]) > 0


@pytest.mark.long
@pytest.mark.parametrize("kind", WRITERS)
def test_a_writer_that_is_killed_often_leaves_the_old_file_or_the_new(kind, tmp_path):
    found = kills(kind, tmp_path, 40)
    assert found["wrong"] == []
    assert min(found["seen"]) > 0


def test_a_careless_writer_would_be_seen(tmp_path):
    assert kills("careless", tmp_path, 6)["wrong"]


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
