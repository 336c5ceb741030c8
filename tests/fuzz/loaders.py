"""Fuzzes the loaders of files: `python tests/fuzz/loaders.py TARGET SECONDS`.

A loader must read what it is given, or raise an error of ours, in a second and 200 MB. Whatever
else happens ends the run, and what was given is kept in build/fuzz/TARGET.
"""

import json
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris
import numpy as np
from safetensors.numpy import save as to_bytes

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
with atheris.instrument_imports(include=["truncmac", "zipfile", "numpy.lib", "pickletools", "PIL"]):
    from PIL import PngImagePlugin  # noqa: F401 (instrumented here)

    from tests.golden.networks import newer_network, small_network
    from truncmac.cli.options import parse_settings
    from truncmac.golden import (
        ImageCoding,
        ImageSpec,
        load,
        load_images,
        load_pictures,
        save,
        save_images,
    )
    from truncmac.model.checkpoint import load_checkpoint
    from truncmac.model.cifar import _read_python
    from truncmac.onnx.workload import onnx_workload

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz_", dir="/dev/shm"))
LEAST_MB = 200  # above what the interpreter and its libraries take
IMAGES = np.arange(96, dtype=np.uint8).reshape(2, 3, 4, 4)
IMAGE = ImageSpec(3, 4, 4, coding=ImageCoding((0.25, 0.5, 1.0), 3, signed=True))


def at(name: str, load_it: Callable[[Path], object]) -> Callable[[bytes], None]:
    """Load bytes as a file of this name."""
    path = FOLDER / name
    path.parent.mkdir(exist_ok=True)

    def run(data: bytes) -> None:
        path.write_bytes(data)
        load_it(path)

    return run


def description(data: bytes) -> None:
    """Load a network of whole tensors with these bytes as its description."""
    text = data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
    path = FOLDER / "description"
    path.write_bytes(to_bytes(dict(small_network().tensors), metadata={"truncmac": text}))
    load(path)


def cifar(data: bytes) -> None:
    """Load bytes as a file of CIFAR-10 in Python's form."""
    path = FOLDER / "data_batch_1"
    path.write_bytes(data)
    _read_python(path, 10)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "network": at("network", load),
    "description": description,
    "safetensors": at("images.safetensors", lambda path: load_images(path, IMAGE)),
    "npy": at("images.npy", lambda path: load_images(path, IMAGE)),
    "npz": at("images.npz", lambda path: load_images(path, IMAGE)),
    "png": at("pictures/a.png", lambda path: load_pictures(path.parent, ImageSpec(3, 4, 4))),
    "settings": at("k.json", lambda path: parse_settings(str(path))),
    "cifar": cifar,
    "checkpoint": at("checkpoint", load_checkpoint),
    "graph": at("graph.onnx", onnx_workload),
}


def seeds(target: str) -> list[bytes]:
    """Whole files to begin with."""
    path = FOLDER / "seed"
    if target in ("network", "description"):
        whole = []
        for network in (small_network(), newer_network()):
            save(network, path)
            data = path.read_bytes()
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            text = header["__metadata__"]["truncmac"].encode()
            whole.append(data if target == "network" else text)
        return whole
    if target == "safetensors":
        save_images(path, IMAGES, np.array([1, 2]))
        signed = to_bytes({"codes": IMAGES.astype(np.int8)})
        return [path.read_bytes(), signed, to_bytes({"images": IMAGES / np.float32(9)})]
    found = []
    for suffix, write in (
        (".npy", lambda file: np.save(file, IMAGES)),
        (".npy", lambda file: np.save(file, IMAGES / 9)),
        (".npz", lambda file: np.savez(file, codes=IMAGES)),
        (".npz", lambda file: np.savez(file, images=IMAGES, labels=np.array([1, 2]))),
        (".npz", lambda file: np.savez_compressed(file, images=IMAGES)),
        (".png", lambda file: _picture().save(file, "PNG")),
    ):
        if suffix[1:] == target:
            with path.open("wb") as file:
                write(file)
            found.append(path.read_bytes())
    if target == "settings":
        found = [b'{"conv2": 4, "conv3": 1}']
    if target == "cifar":
        import pickle

        entry = {b"data": np.zeros((1, 3072), np.uint8).tobytes(), b"labels": [3]}
        found = [pickle.dumps(entry, protocol) for protocol in (0, 2, 4)]
    if target == "checkpoint":
        found = [to_bytes({"model.a": np.ones(2, np.float32)}, metadata={"truncmac": CHECKPOINT})]
    if target == "graph":
        found = [path.read_bytes() for path in (ROOT / "tests/truncmac/onnx/data").glob("*.onnx")]
    return found


CHECKPOINT = json.dumps(
    {
        "format": "truncmac-checkpoint",
        "version": 1,
        "network": "mlp",
        "dataset": "digits",
        "shape": {"channels": 1, "height": 8, "width": 8, "classes": 10},
        "recipe": {"milestones": [1], "widths": [8, 4]},
        "epoch": 1,
        "history": [],
    }
)


def _picture():
    from PIL import Image

    return Image.fromarray(IMAGES[0].transpose(1, 2, 0))


def main() -> None:
    """Fuzz one target for some seconds."""
    target, seconds = sys.argv[1], int(sys.argv[2])
    run = TARGETS[target]
    corpus = ROOT / "build" / "fuzz" / target
    corpus.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(seeds(target)):
        (corpus / f"seed{index}").write_bytes(seed)
        run(seed)  # whole files are read
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + LEAST_MB

    def one(data: bytes) -> None:
        try:
            run(data)
        except ValueError as error:
            if not type(error).__module__.startswith("truncmac") and target != "settings":
                raise

    options = [f"-max_total_time={seconds}", "-timeout=60", f"-rss_limit_mb={most}"]
    options += [f"-artifact_prefix={corpus}/found_", "-print_final_stats=1", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
