import errno
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from truncmac.golden import files
from truncmac.golden.files import (
    alone,
    check_output,
    copy_file,
    file_name,
    keep,
    kept,
    protected,
    read_toml,
    write_all,
    write_bytes,
)


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unchanged_file_keeps_its_time(tmp_path):
    path = tmp_path / "folder" / "file"
    write_bytes(path, b"same")
    os.utime(path, (1, 1))
    write_bytes(path, b"same", keep_unchanged=True)
    assert path.stat().st_mtime == 1
    write_bytes(path, b"else", keep_unchanged=True)
    assert path.stat().st_mtime > 1
    assert path.read_bytes() == b"else"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "new", b"1")
        (tmp_path / "old").touch()
        (tmp_path / "old").chmod(0o640)
        write_bytes(tmp_path / "old", b"2")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("there/target")
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("nothing")
    with pytest.raises(OSError, match="symbolic link to nothing"):
        write_bytes(tmp_path / "link", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["link"]


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_bytes(tmp_path / "folder", b"new")


def test_a_fifo_is_written_to_and_stays_one(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    write_all({tmp_path / "file": b"1", fifo: b"through"})
    reader.join(60)
    assert read == [b"through"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert (tmp_path / "file").read_bytes() == b"1"


def test_devices_are_written_to_and_stay_devices(tmp_path):
    write_bytes(tmp_path / "file", b"old")
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        device.symlink_to("/dev/null")
    write_bytes(device, b"gone")
    assert stat.S_ISCHR(device.stat().st_mode)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(Path("/dev/full"), b"x")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("redirected", [False, True])
def test_standard_output_is_written_in_its_order(tmp_path, place, redirected):
    code = (
        "import sys; from pathlib import Path; from truncmac.golden.files import write_bytes; "
        "print('before'); write_bytes(Path(sys.argv[1]), b'content\\n'); print('after')"
    )
    with (tmp_path / "out").open("wb") as file:
        run = subprocess.run(
            [sys.executable, "-c", code, place],
            stdout=file if redirected else subprocess.PIPE,
            check=True,
        )
    found = (tmp_path / "out").read_bytes() if redirected else run.stdout
    assert found == b"before\ncontent\nafter\n"


def test_inputs_are_never_written_over(tmp_path):
    given, link, hard = (tmp_path / name for name in ("given", "link", "hard"))
    given.write_bytes(b"input")
    link.symlink_to("given")
    hard.hardlink_to(given)
    with protected([given]):
        for path in (given, link, hard, tmp_path / "." / "given"):
            with pytest.raises(ValueError, match="is read by this command"):
                write_all({tmp_path / "other": b"1", path: b"2"})
        write_bytes(tmp_path / "third", b"3")
    assert given.read_bytes() == b"input"
    assert not (tmp_path / "other").exists()
    write_bytes(given, b"now")


def test_a_copy_is_whole_and_leaves_its_source(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 1000)
    copy_file(source, tmp_path / "folder" / "copy")
    assert (tmp_path / "folder" / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ["conv1", "a-b", "net.k8", "0_x", "x" * 100])
def test_ordinary_names_stay(name):
    assert file_name(name) == name


NAMES = [
    "", ".", "..", "../..", "/etc/passwd", "a b", "a_b", "a/b", "a\0b", ".hidden", "-", "a\nb",
    "x" * 101, "x" * 5000, "\u00e9", "e\u0301", "\udcff", "$(rm)", "CON", "a:b", "\u202e",
]  # fmt: skip


def test_names_never_leave_the_folder_nor_meet_each_other(tmp_path):
    found = [file_name(name) for name in NAMES]
    assert len(set(found)) == len(NAMES)
    for name in found:
        assert len(name.encode()) <= 100
        (tmp_path / f"00_{name}.safetensors").write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == len(NAMES)


def test_what_is_kept_is_read_again_and_any_change_is_noticed(tmp_path):
    path = tmp_path / "kept.json"
    assert kept(path) is None
    keep(path, b"123456")
    assert kept(path) == b"123456"
    beside = tmp_path / "kept.json.sha256"
    for file in (path, beside):
        whole = file.read_bytes()
        for damage in (b"", whole[:-1], whole[:2] + b"x" + whole[3:], whole + b"\n"):
            file.write_bytes(damage)
            assert kept(path) is None, damage
        file.unlink()
        assert kept(path) is None
        file.write_bytes(whole)
    assert kept(path) == b"123456"


HOLD = """
import sys, time
from pathlib import Path
from truncmac.golden.files import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_is_alone_in_a_folder_and_a_kill_lets_it_go(tmp_path):
    folder = tmp_path / "made" / "anew"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"^{folder}: another run is at work in it; wait for"):
            alone(folder).__enter__()
        with alone(tmp_path / "other"):
            process.kill()
        process.wait()
    with alone(folder):
        assert list(folder.iterdir()) == []


def test_a_folder_to_be_alone_in_is_made_with_those_above_it(tmp_path):
    folder = tmp_path / "made" / "anew"
    with alone(folder):
        assert folder.is_dir()


def test_where_the_system_knows_no_locks_nothing_is_held(tmp_path, monkeypatch):
    def refuse(*given):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with alone(tmp_path), alone(tmp_path):
        pass


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_what_is_printed_stands_before_what_is_written_to_the_output(capfd, place):
    print("before", end="")
    write_bytes(Path(place), b" content ")
    print("after", end="", flush=True)
    assert capfd.readouterr() == ("before content after", "")


@pytest.mark.parametrize("place", ["/dev/stderr", "/dev/fd/2"])
def test_errors_too(capfd, monkeypatch, place):
    with os.fdopen(os.dup(2), "wb") as raw:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(raw.raw)))
        sys.stderr.write("before")
        write_bytes(Path(place), b" content ")
        sys.stderr.write("after")
        sys.stderr.flush()
        assert capfd.readouterr() == ("", "before content after")


def test_names_of_what_is_open_are_left_as_they_are():
    """Whatever they stand for, which may be a file; another name of a file is followed."""
    names = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/0", "/proc/self/fd/12")
    for number, name in zip((0, 1, 2, 0, 12), names, strict=True):
        assert files._descriptor(Path(name)) == number
        assert check_output(Path(name)) == Path(name)
    for name in ("/dev/null", "/dev/stdoutx", "/dev/fd/x", "stdout", "/x/dev/stdout"):
        assert files._descriptor(Path(name)) is None


def test_a_file_is_written_once(tmp_path, monkeypatch):
    """It is whole when it gets its name, and not opened again."""

    def opened(place):
        raise AssertionError(place)

    monkeypatch.setattr(files, "_open_device", opened)
    write_all({tmp_path / "a": b"1", tmp_path / "b" / "c": b"2"})
    assert (tmp_path / "a").read_bytes() + (tmp_path / "b" / "c").read_bytes() == b"12"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_long_name_keeps_its_first_89_characters():
    found = file_name("x" * 101)
    assert (found[:89], found[89], len(found)) == ("x" * 89, "-", 100)
    assert len(file_name("y" * 100 + "!")) == 100


def test_only_of_a_link_the_place_is_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("given")
    Path("given").write_bytes(b"1")
    for name in ("given", "new", "./folder/../new"):
        assert check_output(Path(name)) == Path(name)
    assert check_output(Path("link")) == tmp_path.resolve() / "given"


def test_tables_and_lists_are_read_to_100_levels():
    """Of the levels the table of all is the first, and `a` the second."""
    assert read_toml("a = 1\n[b]\nc = [{d = 2.5}, []]") == {"a": 1, "b": {"c": [{"d": 2.5}, []]}}
    assert read_toml("") == {}
    (found,) = read_toml("a = " + "[" * 99 + "]" * 99).values()
    for _ in range(98):
        (found,) = found
    assert found == []
    for levels in (100, 100_000):
        with pytest.raises(ValueError, match="^it is nested too deeply$"):
            read_toml("a = " + "[" * levels + "]" * levels)
