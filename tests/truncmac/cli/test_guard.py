import os
import subprocess
import sys
from pathlib import Path

import pytest

from truncmac.golden import BUILTIN_IMAGES, BUILTIN_NETWORK

TRUNCMAC = Path(sys.executable).with_name("truncmac")
NETWORK, IMAGES = BUILTIN_NETWORK.read_bytes(), BUILTIN_IMAGES.read_bytes()


@pytest.fixture
def place(tmp_path):
    (tmp_path / "net.safetensors").write_bytes(NETWORK)
    (tmp_path / "images.safetensors").write_bytes(IMAGES)
    (tmp_path / "link").symlink_to("net.safetensors")
    (tmp_path / "arrays").mkdir()
    (tmp_path / "arrays" / "network.json").write_bytes(b"{}")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "report net.safetensors --format json --out net.safetensors",
        "report net.safetensors --format csv --out link",
        "report link --format json --out ./net.safetensors",
        "report net.safetensors --data images.safetensors --format json --out images.safetensors",
        "inspect net.safetensors --plot net.safetensors",
        "import net.safetensors --out net.safetensors",
        "import arrays --out arrays/network.json",
        "allocate net.safetensors --data images.safetensors --export images.safetensors",
        "allocate net.safetensors --data images.safetensors --export link",
    ],
)
def test_an_output_that_is_an_input_is_refused_before_the_work(run, place, words):
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert "read by this command" in err or "must end in" in err
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "words",
    [
        "inspect fifo",
        "infer digits --data fifo",
        "infer digits -k fifo",
        "import fifo --out out.safetensors",
        "explore fifo --out out",
        "report fifo",
        "characterise --liberty fifo",
        "fpga --designs fifo",
    ],
)
def test_a_fifo_as_an_input_is_refused_at_once(run, place, words):
    os.mkfifo(place / "fifo")
    code, _, err = run(*words.split())
    assert code == 2
    assert err.startswith("truncmac: fifo: is a FIFO; an input must be a file")
    assert err.count("\n") == 1


@pytest.mark.parametrize("to", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_takes_a_report(place, to):
    command = [TRUNCMAC, "report", "digits", "-k", "8", "--format", "csv", "--out"]
    run = subprocess.run([*command, to], cwd=place, capture_output=True, text=True, check=True)
    whole = subprocess.run([*command, "x.csv"], cwd=place, capture_output=True, check=True)
    assert whole.returncode == 0
    assert run.stdout == (place / "x.csv").read_text() + f"Written: {to}\n"
    assert Path(to).exists()


def test_a_full_device_is_one_line(place):
    command = [TRUNCMAC, "report", "digits", "-k", "8", "--format", "csv", "--out", "/dev/full"]
    run = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("truncmac: ") and "o space left" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not Path("/dev/full").is_file()
