"""Runs a simulator and ends it when it hangs: `python watchdog.py SECONDS PROGRAM ARGUMENT ...`.

It makes progress while a file of the working directory grows. It runs as a file, to start fast.
"""

import os
import subprocess
import sys
import time

SECONDS_BETWEEN_LOOKS = 0.5
HUNG = 124  # exit code, as coreutils' timeout has


def watch(seconds: float, command: list[str]) -> int:
    """Return the exit code of `command`, or `HUNG` if nothing is written for so many seconds."""
    process = subprocess.Popen(command)
    size, since = -1, time.monotonic()
    while True:
        try:
            code = process.wait(SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            now = sum(entry.stat().st_size for entry in os.scandir() if entry.is_file())
            if now != size:
                size, since = now, time.monotonic()
            if time.monotonic() - since > seconds:
                process.kill()
                process.wait()
                print(f"No progress in {seconds:g} s; the simulator was ended", flush=True)
                return HUNG
            continue
        if code < 0:
            print(f"The simulator was ended by signal {-code}", flush=True)
        return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(watch(float(sys.argv[1]), sys.argv[2:]))
