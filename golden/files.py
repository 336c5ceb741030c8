"""Files: written so that a reader finds the old or the new, never half; JSON read strictly."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

__all__ = [
    "alone",
    "check_input",
    "check_output",
    "copy_file",
    "file_name",
    "keep",
    "kept",
    "protected",
    "read_json",
    "read_toml",
    "write_all",
    "write_bytes",
]

CLEAN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LONGEST_NAME = 100  # characters of a name, so that what stands around it fits 255 bytes too
MOST_LEVELS = 100  # of tables and lists in each other, in TOML
_inputs: ContextVar[Collection[Path]] = ContextVar("_inputs", default=())

Fill = Callable[[IO[bytes]], None]
DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/(?:fd/(\d+)|(stdin)|(stdout)|(stderr))")


def write_bytes(path: Path, content: bytes, *, keep_unchanged: bool = False) -> None:
    """Write a file as `write_all` does.

    With `keep_unchanged` a file that has this content already keeps its time stamp, so that
    nothing made from it is made again.
    """
    if keep_unchanged and path.is_file() and path.read_bytes() == content:
        return
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Write files, each whole or as it was before; the old ones stand until all are on the disk.

    So a full disk changes none of them. A symbolic link is followed, as `cp` does. A device or
    a FIFO is written to and never replaced. A new file's mode follows the umask; a file that
    was there keeps its mode.

    Raises
    ------
    ValueError
        If a path is a file that `protected` holds.
    OSError
        If a path is a folder or a link to nothing, or writing fails.
    """
    _write({path: _filler(content) for path, content in contents.items()})


def copy_file(source: Path, path: Path) -> None:
    """Copy a file to `path` as `write_all` writes it, of any size."""

    def fill(file: IO[bytes]) -> None:
        with source.open("rb") as given:
            shutil.copyfileobj(given, file)

    _write({path: fill})


def keep(path: Path, content: bytes) -> None:
    """Write a file that `kept` reads again, with its SHA-256 in a small file beside it."""
    write_all({path: content, _digest_file(path): _digest(content)})


def kept(path: Path) -> bytes | None:
    """What `keep` wrote; None if it is not there, not whole, or was changed after that."""
    try:
        content, expected = path.read_bytes(), _digest_file(path).read_bytes()
    except FileNotFoundError:
        return None
    return content if _digest(content) == expected else None


def _digest_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Within it no other process is within `alone` of the same folder, which is made if missing.

    A process that dies lets the folder go. Where the system knows no such locks, nothing is held.

    Raises
    ------
    ValueError
        If another process is within it: at once, without waiting.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        import fcntl  # of POSIX alone

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ValueError(
            f"{folder}: another run is at work in it; wait for its end, or choose another --out"
        ) from None
    except (ImportError, OSError):
        return  # some network file systems have none


@contextmanager
def protected(inputs: Collection[Path]) -> Iterator[None]:
    """Within it nothing is written over `inputs`, under any name that leads to them."""
    token = _inputs.set([*_inputs.get(), *inputs])
    try:
        yield
    finally:
        _inputs.reset(token)


def check_input(path: Path) -> Path:
    """The path, unless it is a FIFO: to open one waits for a writer, which may never come.

    Raises
    ------
    ValueError
        If it is a FIFO other than the standard input.
    """
    if path.is_fifo() and _descriptor(path) is None:
        raise ValueError(f"{path}: is a FIFO; an input must be a file, which can be read again")
    return path


def check_output(path: Path) -> Path:
    """The place that writing to `path` changes: of a symbolic link, what it leads to.

    Raises
    ------
    ValueError, OSError
        As `write_all`, where that can be known before.
    """
    if _descriptor(path) is not None:
        return path
    if path.is_symlink() and not path.exists():
        raise OSError(errno.ENOENT, "is a symbolic link to nothing; it is not followed", str(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    for given in _inputs.get():
        if path.exists() and given.exists() and path.samefile(given):
            raise ValueError(f"{path}: is read by this command, and must not be its output too")
    return path.resolve() if path.is_symlink() else path


def _filler(content: bytes) -> Fill:
    def fill(file: IO[bytes]) -> None:
        file.write(content)

    return fill


def _write(fills: Mapping[Path, Fill]) -> None:
    places = {path: check_output(path) for path in fills}
    staged: list[tuple[Path, Path]] = []
    try:
        for path, place in places.items():
            if _is_device(place):
                continue  # a device or a FIFO: written below, when no file can fail any more
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name[:LONGEST_NAME]}.{secrets.token_hex(4)}")
            staged.append((temporary, place))
            with temporary.open("xb") as file:
                fills[path](file)
                file.flush()
                os.fsync(file.fileno())
        for temporary, place in staged:
            if place.exists():
                shutil.copymode(place, temporary)
            temporary.replace(place)
    except BaseException:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        raise
    for path, place in places.items():
        if _is_device(place):
            _write_device(place, fills[path])


def _write_device(place: Path, fill: Fill) -> None:
    try:
        with _open_device(place) as device:
            fill(device)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or errno.EIO), str(place)) from error


def _descriptor(path: Path) -> int | None:
    """Of /dev/stdout and its like: what it stands for, which may be a file with a place in it."""
    match = DESCRIPTOR.fullmatch(str(path))
    if match is None:
        return None
    return (
        int(match[1])
        if match[1]
        else (match[2], match[3], match[4]).index(match[0].rpartition("/")[2])
    )


def _is_device(place: Path) -> bool:
    return _descriptor(place) is not None or (place.exists() and not place.is_file())


def _open_device(place: Path) -> IO[bytes]:
    descriptor = _descriptor(place)
    if descriptor is None:
        return place.open("wb", buffering=0)
    sys.stdout.flush()  # what was printed before stands before
    sys.stderr.flush()
    return os.fdopen(os.dup(descriptor), "wb", buffering=0)


def read_json(text: str) -> Any:
    """Value of a JSON text.

    Raises
    ------
    ValueError
        If it is not JSON, names an entry twice, or is nested too deeply.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise ValueError(f"{name!r} is there twice")
            found[name] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_toml(text: str) -> dict[str, Any]:
    """Value of a TOML text.

    Raises
    ------
    ValueError
        If it is not TOML, or is nested too deeply.
    """
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level: list[Any] = [found]
    for _ in range(MOST_LEVELS):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return found
    raise ValueError("it is nested too deeply")


def _parts(value: Any) -> Iterator[Any]:
    """What a table or a list holds."""
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def file_name(name: str) -> str:
    """A name as part of a file's name: nothing that a file system or a shell minds.

    A name of letters, digits, "_", "-" and inner dots, of at most 100 characters, stays. Of any
    other what is left is followed by a digest of the whole, so that two names never meet.
    """
    if CLEAN.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    left = re.sub(r"[^A-Za-z0-9_-]", "_", name)[: LONGEST_NAME - len(digest) - 1]
    return f"{left}-{digest}"
