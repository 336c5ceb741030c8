"""A file that is wrong is named, and so is the field in it, whatever is in the field's place."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from truncmac.golden import BUILTIN_NETWORK

WRONG = [None, [], {}, "xxx", -1, True, 1e300, [None, None], ["1", "1"]]
SAID_OF = {"input": "reads", "residual": "reads", "out_bits": "gives logits"}
PYTHONS_OWN = ("NoneType", "object is not", "argument", "unsupported", "subscriptable", "recursion")


def described():
    with safe_open(BUILTIN_NETWORK, "np") as file:
        return json.loads(file.metadata()["truncmac"])


def write(path, description, tensors=None):
    tensors = load_file(BUILTIN_NETWORK) if tensors is None else tensors
    save_file(tensors, path, metadata={"truncmac": json.dumps(description)})


def cases():
    """Each entry of each kind of layer."""
    seen = set()
    for index, layer in enumerate(described()["layers"]):
        for key in layer:
            if (layer["op"], key) not in seen:
                seen.add((layer["op"], key))
                yield index, key


@pytest.mark.parametrize(("index", "key"), list(cases()))
def test_a_wrong_entry_of_a_layer_is_named(run, tmp_path, index, key):
    refused = 0
    for value in WRONG:
        description = described()
        layer = description["layers"][index]
        if layer[key] == value or (isinstance(value, str) and key == "name"):
            continue
        layer[key] = value
        write(tmp_path / "net.safetensors", description)
        code, out, err = run("inspect", "net.safetensors")
        if code == 0:  # what may be left open is, with None
            assert value is None and key in ("bits", "kernel", "stride"), (value, out)
            continue
        refused += 1
        assert code == 2
        assert err.startswith("truncmac: net.safetensors: ")
        assert err.count("\n") == 1
        assert not any(word in err for word in PYTHONS_OWN), err
        assert key in err or SAID_OF.get(key, key) in err, err
    assert refused >= 7


@pytest.mark.parametrize("key", ["name", "image", "bit_widths", "layers", "format", "version"])
def test_a_wrong_entry_of_the_network_is_named(run, tmp_path, key):
    for value in WRONG:
        if key == "name" and isinstance(value, str):
            continue
        write(tmp_path / "net.safetensors", described() | {key: value})
        code, _, err = run("inspect", "net.safetensors")
        assert code == 2
        assert err.startswith("truncmac: net.safetensors: ")
        assert key in err or "layer" in err, err
        assert not any(word in err for word in PYTHONS_OWN), err


@pytest.mark.parametrize(
    "words",
    [
        "inspect net.safetensors",
        "infer net.safetensors --data images.npy",
        "infer net.safetensors --data images.npy --on rtl",
        "report net.safetensors",
        "compile net.safetensors --out out",
        "export net.safetensors --out out",
        "export net.safetensors --format qonnx --out out",
        "allocate net.safetensors --data images.npy",
        "explore --workloads net.safetensors --out out --workers 0",
    ],
)
def test_a_network_without_weights_is_refused(run, tmp_path, words):
    pair = {"kernel": [2, 2], "stride": [2, 2], "padding": [0, 0]}
    layers = [{"op": "max_pool", "name": "pool", "input": "image", **pair}]
    write(tmp_path / "net.safetensors", described() | {"layers": layers}, {})
    np.save(tmp_path / "images.npy", np.zeros((2, 1, 8, 8), np.uint8))
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert err == ("truncmac: net.safetensors: layers must hold one of weights, conv2d or linear\n")


@pytest.mark.parametrize(
    "text", [f"bits = {'[' * 5000}{']' * 5000}", f"[{'.'.join(['a'] * 3000)}]\nb = 1"]
)
@pytest.mark.parametrize("words", ["explore deep.toml --out out", "infer digits -k deep.toml"])
def test_toml_that_is_nested_too_deeply_is_named(run, tmp_path, words, text):
    (tmp_path / "deep.toml").write_text(text)
    code, _, err = run(*words.split())
    assert code == 2
    assert err.startswith("truncmac: deep.toml: ")
    assert "it is nested too deeply" in err
    assert err.count("\n") == 1
