"""CIFAR-10 and CIFAR-100 from their official files, binary or Python; nothing is unpickled.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

import pickletools
from itertools import islice
from pathlib import Path

import numpy as np

from truncmac.golden.types import AnyIntegers, Codes, Labels

from .images import ArrayImages, DataError, Split
from .networks import ImageShape

__all__ = ["cifar"]

CIFAR_PIXELS = 3 * 32 * 32
MOST_BYTES = 160_000_000  # CIFAR-100's 50,000 images have 155 million
MOST_OPCODES = 600_000  # the official files have fewer than half as many
ENTRIES = (b"data", b"labels", b"fine_labels", b"coarse_labels", b"batch_label", b"filenames")
LABELS = {10: "labels", 100: "fine_labels"}
NUMBERS = ("BININT", "BININT1", "BININT2", "INT")  # opcodes whose argument is a value


def cifar(folder: Path, classes: int) -> Split:
    """CIFAR-10 or CIFAR-100, of its official binary or Python files.

    Parameters
    ----------
    folder : the folder of the files, or the one that the archive was unpacked in
    classes : 10 or 100

    Raises
    ------
    DataError
        If files are missing, or are not whole.

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    parts = []
    for names in _cifar_files(folder, classes):
        read = _read_binary if names[0].suffix == ".bin" else _read_python
        parts.append(
            tuple(map(np.concatenate, zip(*(read(f, classes) for f in names), strict=True)))
        )
    (images, labels), (test_images, test_labels) = parts
    return Split(
        f"cifar{classes}",
        ImageShape(3, 32, 32, classes),
        ArrayImages(images, labels, shift=4, flip=True),
        ArrayImages(test_images, test_labels),
    )


def _cifar_files(folder: Path, classes: int) -> tuple[list[Path], list[Path]]:
    batches = [f"data_batch_{index}" for index in range(1, 6)]
    layouts = {
        10: [
            ("cifar-10-batches-bin", [f"{name}.bin" for name in batches], ["test_batch.bin"]),
            ("cifar-10-batches-py", batches, ["test_batch"]),
        ],
        100: [
            ("cifar-100-binary", ["train.bin"], ["test.bin"]),
            ("cifar-100-python", ["train"], ["test"]),
        ],
    }[classes]
    looked = []
    for below, train, test in layouts:
        for place in (folder, folder / below):
            files = [place / name for name in (*train, *test)]
            if all(file.is_file() for file in files):
                return files[: len(train)], files[len(train) :]
            looked.append(str(files[0]))
    raise DataError(
        f"CIFAR-{classes} not found: there is no {', '.join(looked)}, or not all files beside it. "
        "Unpack the official archive and pass its folder with --data"
    )


def _read_binary(path: Path, classes: int) -> tuple[Codes, Labels]:
    """Images and labels of records: one label (CIFAR-100: two) and 3072 bytes, red first."""
    record = CIFAR_PIXELS + (1 if classes == 10 else 2)
    data = np.frombuffer(_bytes(path), np.uint8)
    if data.size == 0 or data.size % record:
        raise DataError(f"{path}: must be whole records of {record} bytes, not {data.size} bytes")
    rows = data.reshape(-1, record)
    return _checked(path, rows[:, -CIFAR_PIXELS:], rows[:, -CIFAR_PIXELS - 1], classes)


def _read_python(path: Path, classes: int) -> tuple[Codes, Labels]:
    """Images and labels of a pickled dictionary, read from its opcodes; none of them is run."""
    pixels, entry = b"", ""
    labels: list[int] = []
    try:
        opcodes = pickletools.genops(_bytes(path))
        for opcode, value, _ in islice(opcodes, MOST_OPCODES):
            if isinstance(value, str | bytes):
                data = value.encode("latin-1") if isinstance(value, str) else value
                if data in ENTRIES:
                    entry = data.decode()
                elif entry == "data" and len(data) >= CIFAR_PIXELS:
                    pixels = data
            elif opcode.name in NUMBERS and entry == LABELS[classes]:
                labels.append(int(value or 0))
    except Exception as error:
        raise DataError(f"{path}: is not a whole pickle file: {error}") from error
    if not all(0 <= label < classes for label in labels):
        raise DataError(f"{path}: labels must be in 0..{classes - 1}")
    rows = np.frombuffer(pixels, np.uint8)
    if rows.size != len(labels) * CIFAR_PIXELS or not labels:
        raise DataError(
            f"{path}: must hold {CIFAR_PIXELS} bytes for each of its labels, not {rows.size} "
            f"bytes for {len(labels)} labels"
        )
    return _checked(path, rows.reshape(-1, CIFAR_PIXELS), np.array(labels), classes)


def _bytes(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(f"{path}: {size} bytes; the official files have at most {MOST_BYTES}")
    return path.read_bytes()


def _checked(path: Path, rows: Codes, labels: AnyIntegers, classes: int) -> tuple[Codes, Labels]:
    if labels.max() >= classes:
        raise DataError(f"{path}: labels must be below {classes}, not {labels.max()}")
    return rows.reshape(-1, 3, 32, 32), labels.astype(np.int64)
