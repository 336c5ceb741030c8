"""Hostile files: refused with an error of ours, in a second and 200 MB, measured from outside."""

import io
import json
import os
import pickle
import resource
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save as to_bytes

from tests.golden.networks import CODING, newer_network, small_network
from truncmac.golden import (
    ImageSpec,
    NetworkFileError,
    load,
    load_images,
    load_pictures,
    pixel_table,
    real_codes,
    save,
)

LIMIT_SECONDS, LIMIT_MB = 1.0, 200
# Imports what loading needs, then says what loading itself took
CHILD = """
import resource, sys, time
from pathlib import Path
from truncmac.golden import ImageSpec, load, load_images, load_pictures
import PIL.PngImagePlugin
loaders = {"network": load, "images": load_images,
           "pictures": lambda path: load_pictures(path, ImageSpec(3, 4, 4))}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
try:
    loaders[sys.argv[1]](Path(sys.argv[2]))
    print("read")
except Exception as error:
    print(f"{type(error).__name__}: {error}")
print(time.process_time() - start)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def npy_header(shape, descr="|u1"):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-len(text) - 11 & 63) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zipped(entries):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a name that is there twice
                archive.writestr(name, content)
    return data.getvalue()


def bomb(megabytes):
    """An archive of a valid array of zeros."""
    return zipped([("images.npy", npy_header((megabytes, 1, 1024, 1024)) + bytes(megabytes << 20))])


def described(change):
    """A network's file with its description changed, as JSON text or as an object."""
    network = small_network()
    layers = [
        {"op": "conv2d", "name": "a", "input": "image", "out_bits": 4},
        {"op": "linear", "name": "b", "input": "a"},
    ]
    about = {"format": "truncmac-network", "version": 1, "name": "x", "bit_widths": [8]}
    about |= {"image": {"channels": 2, "height": 7, "width": 6, "bits": 6}, "layers": layers}
    found = change(about)
    text = found if isinstance(found, str) else json.dumps(about)
    return to_bytes(dict(network.tensors), metadata={"truncmac": text})


def png(width, height, data=b""):
    """A PNG whose header says this size."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def deep(about):
    return "[" * 200_000


def many_layers(about):
    about["layers"] = [
        {"op": "flatten", "name": f"n{i}", "input": f"n{i - 1}" if i else "image"}
        for i in range(200_000)
    ]


def chain(about):
    about["layers"] = [
        {"op": "flatten", "name": f"n{i}", "input": f"n{i - 1}" if i else "image"}
        for i in range(4000)
    ]


def huge_image(about):
    about["image"] = dict.fromkeys(("channels", "height", "width"), 1 << 16) | {"bits": 8}
    about["layers"] = [{"op": "flatten", "name": "f", "input": "image"}]


def huge_padding(about):
    about["layers"] = [
        {"op": "max_pool", "name": "p", "input": "image", "padding": [1 << 16, 1 << 16]}
    ]


def bare(change):
    """Without tensors, so that only the description can be wrong."""

    def make():
        data = described(change)
        size = int.from_bytes(data[:8], "little")
        text = json.loads(data[8 : 8 + size])["__metadata__"]["truncmac"]
        return to_bytes({}, metadata={"truncmac": text})

    return make


HOSTILE = {
    "zip bomb": ("images", "a.npz", lambda: bomb(300), "unpacks to 3145"),
    "nested zip": ("images", "a.npz", lambda: zipped([("images.npy", bomb(8))]), "not a whole"),
    "twice": (
        *("images", "a.npz"),
        lambda: zipped([("images.npy", npy_header((1, 1, 1, 1)) + b"x")] * 3),
        "an array is there twice",
    ),
    "huge shape": ("images", "a.npy", lambda: npy_header((1 << 40, 1, 1, 1)), "does not fit"),
    "negative": ("images", "a.npy", lambda: npy_header((-1, 1, 1, 1)) + bytes(9), "does not fit"),
    "shape overflows": ("images", "a.npy", lambda: npy_header((1 << 62,) * 4), "does not fit"),
    "strings": ("images", "a.npy", lambda: npy_header((1, 1, 1, 1), "<U9"), "its elements are"),
    "wide strings": (
        *("images", "a.npy"),
        lambda: npy_header((1, 1, 1, 1), "<U999999999"),
        "not a whole file",
    ),
    "objects": ("images", "a.npy", lambda: npy_header((1,), "|O") + b"cos\nx", "its elements are"),
    "long header": ("images", "a.npy", lambda: npy_header("x" * 60_000), "not a whole file"),
    "deep JSON": ("network", "n", lambda: described(deep), "nested too deeply"),
    "many layers": ("network", "n", bare(many_layers), "at most 4096 layers, not 200000"),
    "long chain": ("network", "n", lambda: described(chain), "belong to no layer"),
    "huge image": ("network", "n", bare(huge_image), "the most for an image is"),
    "huge padding": ("network", "n", bare(huge_padding), "padding narrower than its window"),
    "header of 100 MB": (
        *("network", "n"),
        lambda: struct.pack("<Q", 100_000_000) + b" " * 1000,
        "not a whole safetensors file",
    ),
    "PNG of 4 gigapixels": ("pictures", "p/a.png", lambda: png(65_000, 65_000), "not a whole"),
    "PNG of 100 megapixels": ("pictures", "p/a.png", lambda: png(10_000, 10_000), "not a whole"),
    "PNG of 25 megapixels": ("pictures", "p/a.png", lambda: png(5_000, 5_000), "most that is re"),
    "PNG cut": ("pictures", "p/a.png", lambda: png(4000, 4000, bytes(99)), "not a whole picture"),
    "PNG bomb": (
        *("pictures", "p/a.png"),
        lambda: png(9, 9, bytes(100_000_000)),
        "must",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_a_second_and_200_megabytes(tmp_path, name):
    loader, file, make, message = HOSTILE[name]
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(make())
    given = path.parent if loader == "pictures" else path
    before = sorted(tmp_path.rglob("*"))
    command = [sys.executable, "-c", CHILD, loader, str(given)]
    threads = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(command, capture_output=True, text=True, env=threads, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    *said, seconds, megabytes = run.stdout.splitlines()
    if name != "PNG bomb":  # what is too long in it is not unpacked
        assert said[0].startswith("NetworkFileError: "), said
        assert message in said[0]
    assert float(seconds) < LIMIT_SECONDS
    assert float(megabytes) < LIMIT_MB
    assert sorted(tmp_path.rglob("*")) == before


LOADERS = {
    "network": load,
    "p/a.png": lambda path: load_pictures(path.parent, ImageSpec(3, 4, 4)),
}


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors", "network", "p/a.png"])
def test_a_pickle_is_never_run(tmp_path, name):
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(Trap(str(sprung)))
    content = zipped([("images.npy", trap)]) if name == "a.npz" else trap
    if name == "a.npy":
        content = npy_header((1,), "|O") + trap
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    loader = LOADERS.get(name, load_images)
    with pytest.raises(NetworkFileError):
        loader(path)
    assert not sprung.exists()
    pickle.loads(trap)  # noqa: S301 (ours: it would have gone off)
    assert sprung.exists()


def read_or_refused(read, path):
    """What is read, or None where it is refused by an error of ours that names the file."""
    try:
        return read()
    except NetworkFileError as error:
        named = str(error).startswith(f"{path}: ")
    assert named
    return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


NUMBERS = st.lists(st.floats(1e-30, 1e30) | st.just(10**400), min_size=1, max_size=3)
REALS = st.floats(width=32) | st.sampled_from([0.5, 1e30, -1e30])


@given(st.lists(REALS, min_size=84, max_size=84))
@settings(max_examples=50, deadline=None)
def test_what_is_read_of_an_image_has_codes_for_all_numbers(reals):
    """Whatever a file's coding and its reals are: codes within their bits, or an error of ours."""
    image = replace(small_network().image, coding=CODING)
    values = np.array(reals, np.float32).reshape(1, 2, 7, 6)
    try:
        codes = real_codes(values, image.coding, image.bits)
    except ValueError:
        assert np.isnan(values).any()
        return
    assert not np.isnan(values).any()
    assert codes.max() <= 63


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_description_is_refused_or_read(tmp_path_factory, data):
    """Entries of a valid description put out, doubled, swapped, or put in at random."""
    path = tmp_path_factory.mktemp("hostile") / "network"
    whole = data.draw(st.sampled_from([small_network, newer_network]))()
    save(whole, path)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    about = json.loads(header["__metadata__"]["truncmac"])
    for _ in range(data.draw(st.integers(1, 3))):
        place = about
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and data.draw(st.booleans()):
                place = place[key]
                continue
            names = st.sampled_from(["image", "first", "second", "flat", "conv2d", "linear"])
            place[key] = data.draw(JSON | names | st.integers(0, 9) | NUMBERS)
            break
    path.write_bytes(to_bytes(dict(whole.tensors), metadata={"truncmac": json.dumps(about)}))
    network = read_or_refused(lambda: load(path), path)
    if network:
        save(network, path)
        assert pixel_table(network.image.meaning, network.image.bits).max() < 256


@given(st.binary(max_size=60), st.integers(0, 200), st.booleans())
@settings(max_examples=100, deadline=None)
def test_damaged_pictures_are_refused_or_read(tmp_path_factory, noise, position, cut):
    folder = tmp_path_factory.mktemp("pictures")
    data = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(data, "PNG")
    content = bytearray(data.getvalue())
    content[position : position + len(noise)] = noise
    (folder / "a.png").write_bytes(content[:position] if cut else content)
    found = read_or_refused(lambda: load_pictures(folder, ImageSpec(3, 4, 4)), folder / "a.png")
    if found:
        images, labels = found
        assert (images.shape, images.dtype, labels) == ((1, 3, 4, 4), np.uint8, None)


def test_the_limit_is_measured(tmp_path):
    """The child's figures are its own: a whole network is read, and takes little."""
    save(small_network(), tmp_path / "n")
    command = [sys.executable, "-c", CHILD, "network", str(tmp_path / "n")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    said, seconds, megabytes = run.stdout.splitlines()
    assert said == "read"
    assert float(seconds) < LIMIT_SECONDS
    assert float(megabytes) < 20
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 10_000
