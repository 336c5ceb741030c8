"""A run of `truncmac explore` that dies, and one that goes on after it."""

import hashlib
import re
import signal
import subprocess
import sys
import time

import pytest

RUN = [sys.executable, "-c", "from truncmac.cli import main; main()"]
EXPLORE = [
    *("explore", "--workloads", "resnet18", "-k", "all", "--workers", "0", "--csv"),
    *("--rows", "4..32+4", "--cols", "4..32+4", "--lanes", "16", "--planes", "2"),
    *("--activation-kib", "64,128", "--dram-gb-s", "0.8..12.8x2", "--clock-mhz", "100,150"),
    *("--objectives", "images_per_s,energy_uj,area_mm2"),
]
CHUNKS = 10  # 1,280 designs, some 0.1 s each
WAIT_S = 60


def files(folder):
    """SHA-256 of every file but those that were cut off: they are not the run's."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def explore(folder, *more):
    command = [*RUN, *EXPLORE, "--out", folder, *more]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.long
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    explore(tmp_path / "whole")
    out = tmp_path / "killed"
    with subprocess.Popen(
        [*RUN, *EXPLORE, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as dying:
        deadline = time.monotonic() + WAIT_S
        while len(list(out.glob("parts/part-*.parquet"))) < 3:
            assert dying.poll() is None and time.monotonic() < deadline
            time.sleep(0.002)
        dying.send_signal(signal.SIGKILL)
        assert dying.wait() == -signal.SIGKILL
    left = len(list(out.glob("parts/part-*.parquet")))
    assert 3 <= left < CHUNKS and not (out / "front.json").exists()

    shown = explore(out, "--resume")
    assert re.search(rf"; {left} finished chunks were there already", " ".join(shown.split()))
    whole = files(tmp_path / "whole")
    assert len([name for name in whole if name.endswith(".parquet")]) == CHUNKS
    assert files(out) == whole
