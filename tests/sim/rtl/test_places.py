import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from truncmac.sim.rtl import places
from truncmac.sim.rtl.places import check_installation, launcher, plain_folder

TRUNCMAC = Path(sys.executable).with_name("truncmac")
ARRAY = "--rows 1 --cols 1 --lanes 1 --planes 8 --max-reduction 4 --count 1 -k 8"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_plain_path_stays(temporary):
    assert plain_folder(Path("/a/b-c_1.0/d")) == Path("/a/b-c_1.0/d")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["a b", "a#b", "a$b", "a'b", 'a"b', "a\nb", "a:b", "a&b", "\u00e9"]
)
def test_other_paths_have_a_plain_folder_each(temporary, name):
    found = [plain_folder(Path("/x") / each / "y") for each in (name, name, f"{name} ")]
    assert found[0] == found[1] != found[2]
    assert found[0].parent.parent == temporary
    assert re.fullmatch(r"[\w./-]+", str(found[0]))
    assert found[0].parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_others_can_write_to_is_refused(temporary):
    mine = temporary / f"truncmac-{os.getuid()}"
    mine.mkdir()
    mine.chmod(0o777)
    with pytest.raises(RuntimeError, match="you alone can write to"):
        plain_folder(Path("/a b"))
    mine.rmdir()
    (temporary / "elsewhere").mkdir()
    mine.symlink_to("elsewhere")
    with pytest.raises(RuntimeError, match="you alone can write to"):
        plain_folder(Path("/a b"))


def test_a_folder_for_temporary_files_must_be_plain_too(tmp_path, monkeypatch):
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "a b"))
    with pytest.raises(RuntimeError, match="Set TMPDIR to another folder$"):
        plain_folder(Path("/c d"))


def test_an_installation_that_make_cannot_read_is_told(monkeypatch):
    check_installation("verilator")
    monkeypatch.setattr(places, "HERE", Path("/my project/sim/rtl"))
    check_installation("icarus")
    with pytest.raises(RuntimeError, match=r"'/my project/sim/rtl'.*or use --simulator icarus$"):
        check_installation("verilator")


def test_the_launcher_passes_words_on_as_they_are(tmp_path, monkeypatch):
    place = tmp_path / "a b#c$d"
    place.mkdir()
    (place / "watchdog.py").write_text("import sys; print(sys.argv[1:])")
    monkeypatch.setattr(places, "HERE", place)
    run = subprocess.run(
        [launcher(tmp_path, 9.0), "x y", "$z"], capture_output=True, text=True, check=True
    )
    assert run.stdout == "['9.0', 'x y', '$z']\n"


@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.long)])
def test_a_simulation_runs_in_a_folder_of_any_name(tmp_path, simulator):
    place = tmp_path / "my $work #1"
    place.mkdir()
    (tmp_path / "temporary").mkdir()
    run = subprocess.run(
        [TRUNCMAC, "sim", *ARRAY.split(), "--simulator", simulator, "--waves", "out/run.vcd"],
        cwd=place,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (place / "out" / "run.vcd").stat().st_size > 1000
