import pickle
import re

import numpy as np
import pytest
from PIL import Image

from truncmac.model.data import dataset
from truncmac.model.images import ArrayImages, DataError, hold_out
from truncmac.model.networks import ImageShape


@pytest.mark.parametrize(("name", "size", "count"), [("digits", 8, 1797), ("mnist5k", 28, 5000)])
def test_embedded_sets_are_split_once_and_for_all(name, size, count):
    split = dataset(name)
    assert split.shape == ImageShape(1, size, size, 10)
    assert split.train.images.shape == (len(split.train.labels), 1, size, size)
    assert len(split.train.labels) + len(split.test.labels) == count
    assert split.train.images.max() == 255
    np.testing.assert_array_equal(split.test.labels, dataset(name).test.labels)
    assert np.bincount(split.test.labels).min() >= 0.9 * count / 40


def test_images_move_by_at_most_the_shift_and_are_mirrored():
    images = np.zeros((200, 1, 9, 9), np.uint8)
    images[:, 0, 4, 3] = 255
    labels = np.zeros(200, np.int64)
    everything = np.arange(200)
    moved = ArrayImages(images, labels, shift=2).take(everything, np.random.default_rng(0))
    _, _, rows, columns = np.nonzero(moved)
    assert set(rows) == {2, 3, 4, 5, 6}
    assert set(columns) == {1, 2, 3, 4, 5}
    flipped = ArrayImages(images, labels, flip=True).take(everything, np.random.default_rng(0))
    assert set(np.nonzero(flipped)[3]) == {3, 5}
    still = ArrayImages(images, labels, 2, flip=True).take(everything, None)
    np.testing.assert_array_equal(still, images)


def test_a_share_of_each_class_is_held_out_of_the_training_images():
    split = dataset("digits")
    part = hold_out(split, 0.2, seed=3)
    everything = np.sort(np.concatenate([part.train.chosen, part.test.chosen]))
    np.testing.assert_array_equal(everything, np.arange(len(split.train.labels)))
    counts = np.bincount(split.train.labels)
    assert np.abs(np.bincount(part.test.labels) - 0.2 * counts).max() <= 1
    # The images are the training images': moved in training, still in measuring
    chosen = part.test.chosen[:5]
    np.testing.assert_array_equal(
        part.test.take(np.arange(5), None), split.train.take(chosen, None)
    )
    np.testing.assert_array_equal(part.test.labels[:5], split.train.labels[chosen])
    moved = part.train.take(np.arange(40), np.random.default_rng(0))
    assert (moved != part.train.take(np.arange(40), None)).any()
    assert part.name == "digits, 20% held out by seed 3"
    again, other = hold_out(split, 0.2, seed=3), hold_out(split, 0.2, seed=4)
    np.testing.assert_array_equal(again.test.chosen, part.test.chosen)
    assert (other.test.chosen != part.test.chosen).any()
    for share in (0, 1):
        message = f"^Share held out must be between 0 and 1, not {share}$"
        with pytest.raises(ValueError, match=message):
            hold_out(split, share, 0)


def cifar_rows(rng, count, classes):
    return rng.integers(0, 256, (count, 3072), np.uint8), rng.integers(0, classes, count)


def write_binary(path, rows, labels, classes):
    columns = [labels[:, None]] if classes == 10 else [labels[:, None] // 5, labels[:, None]]
    path.write_bytes(np.concatenate([*columns, rows], 1).astype(np.uint8).tobytes())


def write_python(path, rows, labels, classes):
    """As Python 2 wrote the official files: protocol 2, keys and pixels as byte strings."""
    content = {
        b"batch_label": b"a batch",
        b"filenames": [b"x.png"] * len(labels),
        b"data": rows,
        (b"labels" if classes == 10 else b"fine_labels"): labels.tolist(),
    }
    if classes == 100:
        content[b"coarse_labels"] = (labels // 5).tolist()
    path.write_bytes(pickle.dumps(content, protocol=3))


FILES = {
    ("bin", 10): ([f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]),
    ("py", 10): ([f"data_batch_{i}" for i in range(1, 6)], ["test_batch"]),
    ("bin", 100): (["train.bin"], ["test.bin"]),
    ("py", 100): (["train"], ["test"]),
}
FOLDERS = {
    ("bin", 10): "cifar-10-batches-bin",
    ("py", 10): "cifar-10-batches-py",
    ("bin", 100): "cifar-100-binary",
    ("py", 100): "cifar-100-python",
}


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize(("kind", "classes"), FILES)
def test_cifar_is_read_from_its_official_files(kind, classes, below, tmp_path):
    rng = np.random.default_rng(classes)
    folder = tmp_path / FOLDERS[kind, classes] if below else tmp_path
    folder.mkdir(exist_ok=True)
    expected = []
    for names in FILES[kind, classes]:
        part = [cifar_rows(rng, 7, classes) for _ in names]
        for name, (rows, labels) in zip(names, part, strict=True):
            write = write_binary if kind == "bin" else write_python
            write(folder / name, rows, labels, classes)
        expected.append([np.concatenate(parts) for parts in zip(*part, strict=True)])
    split = dataset(f"cifar{classes}", tmp_path)
    for images, (rows, labels) in zip((split.train, split.test), expected, strict=True):
        np.testing.assert_array_equal(images.images, rows.reshape(-1, 3, 32, 32))
        np.testing.assert_array_equal(images.labels, labels)
    assert split.shape == ImageShape(3, 32, 32, classes)


def python2_pickle(rows, labels):
    """Opcodes as Python 2 wrote them: byte strings without a type of their own."""

    def text(word):
        return b"U" + bytes([len(word)]) + word

    pixels = b"T" + rows.nbytes.to_bytes(4, "little") + rows.tobytes()
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    content = text(b"labels") + b"](" + numbers + b"e" + text(b"data") + pixels
    return b"\x80\x02}(" + content + text(b"batch_label") + text(b"one") + b"u."


def test_files_as_python_2_wrote_them_are_read(tmp_path):
    rows, labels = cifar_rows(np.random.default_rng(2), 3, 10)
    for name in [*FILES["py", 10][0], "test_batch"]:
        (tmp_path / name).write_bytes(python2_pickle(rows, labels.tolist()))
    split = dataset("cifar10", tmp_path)
    np.testing.assert_array_equal(split.test.images, rows.reshape(-1, 3, 32, 32))
    np.testing.assert_array_equal(split.train.labels, np.tile(labels, 5))


def test_a_pickle_is_never_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    for name in [*FILES["py", 10][0], "test_batch"]:
        (tmp_path / name).write_bytes(pickle.dumps(Harm()))
    with pytest.raises(DataError, match="must hold 3072 bytes for each of its labels"):
        dataset("cifar10", tmp_path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_missing_files_say_where_they_were_looked_for(name, tmp_path):
    with pytest.raises(
        DataError, match=f"^CIFAR-.* not found: there is no {tmp_path}/[^\n]*--data$"
    ):
        dataset(name, tmp_path)
    with pytest.raises(DataError, match="pass its folder with --data"):
        dataset(name)


def test_files_that_are_not_whole_are_refused(tmp_path):
    for name in [*FILES["bin", 10][0], "test_batch.bin"]:
        (tmp_path / name).write_bytes(b"x" * 100)
    with pytest.raises(DataError, match=r"data_batch_1.bin: must be whole records of 3073 bytes"):
        dataset("cifar10", tmp_path)


def test_an_unknown_set_is_refused():
    with pytest.raises(DataError, match="^Data set must be one of digits, mnist5k, .* not 'x'$"):
        dataset("x")


def test_image_folders_are_decoded_when_taken(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 3), ("val", 2)):
        for label, name in enumerate(("cat", "dog")):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = np.full((40, 60, 3), 100 * label, np.uint8)
                pixels += rng.integers(0, 9, pixels.shape, np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    split = dataset("folders", tmp_path)
    assert split.shape == ImageShape(3, 224, 224, 2)
    assert split.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    for images in (split.test.take(np.arange(4), None), split.train.take(np.arange(6), rng)):
        assert images.shape[1:] == (3, 224, 224)
        assert images.dtype == np.uint8
    once, again = (split.train.take(np.arange(6), np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert (once[0] != split.train.take(np.arange(6), np.random.default_rng(2))[0]).any()
    assert split.test.take(np.array([0]), None).mean() < 10
    assert split.test.take(np.array([2]), None).mean() > 99
    (tmp_path / "val" / "cat" / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"0.png: is not a readable image"):
        split.test.take(np.array([0]), None)
    (tmp_path / "val" / "bird").mkdir()
    with pytest.raises(DataError, match="must hold the same classes; 'bird' is in one only"):
        dataset("folders", tmp_path)


@pytest.mark.parametrize("classes", [10, 100])
def test_cifar_images_move_by_four_pixels_and_are_mirrored_in_training(classes, tmp_path):
    for names in FILES["bin", classes]:
        for name in names:
            rows, labels = cifar_rows(np.random.default_rng(0), 3, classes)
            write_binary(tmp_path / name, rows, labels, classes)
    split = dataset(f"cifar{classes}", tmp_path)
    assert split.name == f"cifar{classes}"
    assert (split.train.shift, split.train.flip) == (4, True)
    assert (split.test.shift, split.test.flip) == (0, False)


@pytest.mark.parametrize("kind", ["bin", "py"])
@pytest.mark.parametrize("classes", [10, 100])
def test_labels_reach_to_the_last_class_and_no_further(kind, classes, tmp_path):
    write = write_binary if kind == "bin" else write_python
    rows = np.zeros((2, 3072), np.uint8)
    for names in FILES[kind, classes]:
        for name in names:
            write(tmp_path / name, rows, np.array([0, classes - 1]), classes)
    assert set(dataset(f"cifar{classes}", tmp_path).test.labels) == {0, classes - 1}
    write(tmp_path / FILES[kind, classes][1][0], rows, np.array([0, classes]), classes)
    path = tmp_path / FILES[kind, classes][1][0]
    message = {
        "bin": f"{path}: labels must be below {classes}, not {classes}",
        "py": f"{path}: labels must be in 0..{classes - 1}",
    }[kind]
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        dataset(f"cifar{classes}", tmp_path)


def test_labels_below_zero_are_refused(tmp_path):
    for name in [*FILES["py", 10][0], "test_batch"]:
        write_python(tmp_path / name, np.zeros((2, 3072), np.uint8), np.array([0, -1]), 10)
    with pytest.raises(DataError, match=r"data_batch_1: labels must be in 0\.\.9$"):
        dataset("cifar10", tmp_path)


def test_one_image_is_enough_and_one_of_the_files_is_too_few(tmp_path):
    for name in [*FILES["py", 10][0], "test_batch"]:
        write_python(tmp_path / name, np.full((1, 3072), 7, np.uint8), np.array([300 % 10]), 10)
    assert dataset("cifar10", tmp_path).test.images.shape == (1, 3, 32, 32)
    (tmp_path / "data_batch_3").unlink()
    looked = [
        tmp_path / "data_batch_1.bin",
        tmp_path / "cifar-10-batches-bin" / "data_batch_1.bin",
        tmp_path / "data_batch_1",
        tmp_path / "cifar-10-batches-py" / "data_batch_1",
    ]
    message = (
        f"CIFAR-10 not found: there is no {', '.join(map(str, looked))}, or not all files beside "
        "it. Unpack the official archive and pass its folder with --data"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        dataset("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("kind", "classes", "content", "message"),
    [
        ("bin", 10, b"", "must be whole records of 3073 bytes, not 0 bytes"),
        ("bin", 10, b"x" * 3074, "must be whole records of 3073 bytes, not 3074 bytes"),
        ("bin", 100, b"x" * 3073, "must be whole records of 3074 bytes, not 3073 bytes"),
        ("py", 10, pickle.dumps({b"data": b"x" * 3072}), "must hold 3072 bytes for each of its "
         "labels, not 3072 bytes for 0 labels"),
        ("py", 10, pickle.dumps({b"data": b"x" * 3071, b"labels": [1]}), "must hold 3072 bytes for "
         "each of its labels, not 0 bytes for 1 labels"),
        ("py", 10, pickle.dumps({b"data": b"x" * 6144, b"labels": [1]}), "must hold 3072 bytes for "
         "each of its labels, not 6144 bytes for 1 labels"),
        ("py", 100, pickle.dumps({b"data": b"x" * 3072, b"labels": [1]}), "must hold 3072 bytes "
         "for each of its labels, not 3072 bytes for 0 labels"),
        ("py", 10, b"\x80\x02}", "is not a whole pickle file: pickle exhausted before seeing STOP"),
    ],
)  # fmt: skip
def test_files_of_another_size_say_which(kind, classes, content, message, tmp_path):
    files = FILES[kind, classes]
    for name in [*files[0], *files[1]]:
        (tmp_path / name).write_bytes(content)
    text = re.escape(f"{tmp_path / files[0][0]}: {message}")
    with pytest.raises(DataError, match=f"^{text}$"):
        dataset(f"cifar{classes}", tmp_path)


def test_the_official_files_are_not_larger_than_160_million_bytes(tmp_path):
    for name in [*FILES["bin", 10][0], "test_batch.bin"]:
        with (tmp_path / name).open("wb") as file:
            file.truncate(160_000_001)
    message = "data_batch_1.bin: 160000001 bytes; the official files have at most 160000000"
    with pytest.raises(DataError, match=f"{re.escape(message)}$"):
        dataset("cifar10", tmp_path)
    with (tmp_path / "data_batch_1.bin").open("wb") as file:
        file.truncate(160_000_000)
    message = "data_batch_1.bin: must be whole records of 3073 bytes, not 160000000 bytes"
    with pytest.raises(DataError, match=f"{re.escape(message)}$"):
        dataset("cifar10", tmp_path)
