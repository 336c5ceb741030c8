import os

import pytest

from truncmac.golden.files import write_bytes


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
    assert path.stat().st_mode & 0o777 == 0o644
