"""Hostile files of the training package: refused by an error of ours, quickly, nothing run."""

import json
import os
import pickle
import time

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from truncmac.model.checkpoint import CheckpointError, load_checkpoint
from truncmac.model.data import dataset
from truncmac.model.images import DataError

BATCHES = [*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"]
PIXELS = np.zeros((2, 3072), np.uint8).tobytes()


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def cifar(folder, content):
    for name in BATCHES:
        (folder / name).write_bytes(content)
    return dataset("cifar10", folder)


def test_a_batch_that_is_whole_is_read(tmp_path):
    split = cifar(tmp_path, pickle.dumps({b"data": PIXELS, b"labels": [3, 9]}, protocol=2))
    assert split.test.labels.tolist() == [3, 9]


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({b"data": PIXELS, b"labels": [3, -1]}, protocol=2),
        pickle.dumps({b"data": PIXELS, b"labels": [3, 10]}, protocol=2),
        pickle.dumps({b"data": PIXELS, b"labels": [3, 1 << 80]}, protocol=0),
        pickle.dumps({b"data": PIXELS, b"labels": [3, 2.5]}, protocol=2),
        pickle.dumps({b"data": PIXELS[1:], b"labels": [3, 2]}, protocol=2),
        b"(" * 5_000_000,
        b"",
    ],
    ids=["negative", "too large", "huge", "fraction", "pixels", "endless", "empty"],
)
def test_other_batches_are_refused_in_a_second(tmp_path, content):
    start = time.process_time()
    with pytest.raises(DataError):
        cifar(tmp_path, content)
    assert time.process_time() - start < 1


def test_a_batch_is_never_unpickled(tmp_path):
    trap = Trap(str(tmp_path / "sprung"))
    with pytest.raises(DataError):
        cifar(tmp_path, pickle.dumps({b"data": trap, b"labels": [trap]}, protocol=2))
    assert not (tmp_path / "sprung").exists()


def test_a_file_longer_than_the_official_ones_is_refused(tmp_path):
    for name in BATCHES:
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 32)
    with pytest.raises(DataError, match="4294967296 bytes; the official files have at most"):
        dataset("cifar10", tmp_path)


ABOUT = {
    "format": "truncmac-checkpoint",
    "version": 1,
    "network": "mlp",
    "dataset": "digits",
    "shape": {"channels": 1, "height": 8, "width": 8, "classes": 10},
    "recipe": {"milestones": [1], "widths": [8, 4]},
    "epoch": 1,
    "history": [],
}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        json.dumps(ABOUT | {"epoch": float("inf")}),
        json.dumps(ABOUT | {"epoch": "x"}),
        json.dumps(ABOUT | {"history": [[]]}),
        json.dumps(ABOUT | {"shape": dict.fromkeys(ABOUT["shape"], 1 << 20)}),
        json.dumps(ABOUT | {"shape": dict.fromkeys(ABOUT["shape"], "8")}),
        json.dumps(ABOUT)[:-1] + ', "epoch": 2}',
        json.dumps([ABOUT]),
    ],
    ids=["deep", "infinite", "word", "history", "huge", "words", "twice", "list"],
)
def test_hostile_checkpoints_are_refused(tmp_path, text):
    path = tmp_path / "checkpoint"
    tensors = {"model.a": np.ones(2, np.float32)}
    path.write_bytes(to_bytes(tensors, metadata={"truncmac": json.dumps(ABOUT)}))
    assert load_checkpoint(path).epoch == 1
    path.write_bytes(to_bytes(tensors, metadata={"truncmac": text}))
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
