import json
import pickle
import re
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.networks import small_network
from truncmac.golden import NetworkFileError, execute, load, load_arrays, save
from truncmac.golden.description import NAMES


def write(folder, description, arrays):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "network.json").write_text(json.dumps(description))
    return folder


def by_parameters():
    """The small network with its M, B and s; description and arrays."""
    network = small_network()
    layers = []
    for layer in network.layers:
        entry = {"op": NAMES[type(layer)], **vars(layer)}
        if layer in network.products:
            entry["codes"] = f"{layer.name}.codes.npy"
            names = [n for n in network.tensors if n.startswith(f"{layer.name}.b")]
            entry["parameters"] = {
                str(k): {n.split(".")[2]: f"{n}.npy" for n in names if f".b{k}." in n}
                for k in network.bit_widths
            }
        layers.append(entry)
    description = {
        "format": "truncmac-arrays",
        "version": 1,
        "name": "small",
        "image": vars(network.image),
        "bit_widths": list(network.bit_widths),
        "layers": layers,
    }
    return description, dict(network.tensors)


def by_reals(bits=4):
    """Two layers of signed weights and reals."""
    rng = np.random.default_rng(0)
    high = 1 << bits - 1
    arrays = {
        "w": rng.integers(-high, high, (4, 2, 3, 3), np.int8),
        "s": rng.uniform(0.001, 0.004, 4) * 128 / high,
        "b": rng.normal(0, 1, 4),
        "v": rng.integers(-high, high, (3, 4), np.int8),
    }
    signed = {"offset": "twos_complement", "weight_bits": bits}
    conv = {"op": "conv2d", "name": "conv", "input": "image", "padding": [1, 1], "out_bits": 4}
    pool = {"op": "avg_pool", "name": "mean", "input": "conv"}
    flat = {"op": "flatten", "name": "flat", "input": "mean"}
    linear = {"op": "linear", "name": "logits", "input": "flat"}
    description = {
        "format": "truncmac-arrays",
        "version": 1,
        "name": "reals",
        "image": {"channels": 2, "height": 5, "width": 4, "bits": 8},
        "bit_widths": [8, 4, 3],
        "layers": [
            conv | signed | {"weights": "w.npy", "scale": "s.npy", "bias": "b.npy", "bits": None},
            pool,
            flat,
            linear | signed | {"weights": "v.npy", "scale": 0.3, "bias": 2},
        ],
    }
    return description, arrays


def test_codes_and_parameters_are_taken_as_they_are(tmp_path):
    network = load_arrays(write(tmp_path / "f", *by_parameters()))
    expected = small_network()
    assert network.layers == expected.layers
    assert network.image == expected.image
    assert set(network.tensors) == set(expected.tensors)
    for name, array in expected.tensors.items():
        np.testing.assert_array_equal(network.tensors[name], array)
    save(network, tmp_path / "network.safetensors")
    assert load(tmp_path / "network.safetensors").layers == expected.layers


@pytest.mark.parametrize("bits", [8, 4])
def test_signed_weights_and_reals_give_rounded_reals(bits, tmp_path):
    description, arrays = by_reals(bits)
    network = load_arrays(write(tmp_path / "f", description, arrays))
    images = np.random.default_rng(1).integers(0, 256, (9, 2, 5, 4), np.uint8)
    for k in (8, 4, 3):
        kept = min(k, bits)  # truncation leaves the floors of the weights
        w = (arrays["w"].astype(int) >> bits - kept) << bits - kept
        padded = np.pad(images.astype(int), ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        sums = np.einsum("bchwij,ocij->bohw", windows, w)
        reals = sums * arrays["s"].reshape(-1, 1, 1) + arrays["b"].reshape(-1, 1, 1)
        expected = np.clip(np.floor(reals + 0.5), 0, 15)
        execution = execute(network, images, k)
        assert len(np.unique(expected)) > 8
        assert np.mean(execution.outputs["conv"] != expected) < 1e-3
        v = (arrays["v"].astype(int) >> bits - kept) << bits - kept
        logits = 0.3 * execution.outputs["flat"].astype(int) @ v.T + 2
        unit = 0.3 / 2 * 2.0 ** (bits - k)
        np.testing.assert_allclose(execution.logits * unit, logits, atol=unit / 2)


def test_reals_may_be_given_for_each_k(tmp_path):
    description, arrays = by_reals(8)
    layer = description["layers"][0]
    layer["scale"] = {"8": "s.npy", "4": 0.0301, "3": 0.05}
    layer["bias"] = {"8": 0, "4": 1, "3": "b.npy"}
    network = load_arrays(write(tmp_path / "f", description, arrays))
    images = np.random.default_rng(1).integers(0, 256, (9, 2, 5, 4), np.uint8)
    found = []
    execute(network, images, 4, on_gemm=found.append)
    w = arrays["w"].astype(int) >> 4  # a 4-bit weight's unit is worth the scale
    sums = found[0].activations.astype(int) @ w.reshape(4, -1).T
    expected = np.clip(np.floor(0.0301 * sums + 1.5), 0, 15)
    assert np.mean(found[0].outputs() != expected) < 1e-3


def test_a_zero_point_of_the_input_is_folded_in(tmp_path):
    description, arrays = by_reals(4)
    description["layers"][0] |= {"input_zero": 128, "pad_code": 128}
    network = load_arrays(write(tmp_path / "f", description, arrays))
    images = np.full((1, 2, 5, 4), 128, np.uint8)
    for k in (8, 4, 3):
        codes = execute(network, images, k).outputs["conv"]
        expected = np.clip(np.floor(arrays["b"] + 0.5), 0, 15)
        np.testing.assert_array_equal(
            codes, np.broadcast_to(expected[:, None, None], codes[0].shape)[None]
        )


def changed(change):
    description, arrays = by_reals()
    change(description, arrays)
    return description, arrays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, a: d.update(format="x"), "format must be 'truncmac-arrays', not 'x'"),
        (lambda d, a: d.update(version=2), "format version must be 1, not 2"),
        (lambda d, a: d.update(layers={}), "layers must be a list of JSON objects"),
        (lambda d, a: d.update(layers=[1]), "layers must be a list of JSON objects"),
        (lambda d, a: d.update(more=1), "the description must have the entries"),
        (lambda d, a: d.pop("image"), "image must have bits in 1..8"),
        (lambda d, a: d["image"].update(bits=9), "image must have bits in 1..8"),
        (lambda d, a: d.update(bit_widths=[0]), "bit_widths must be k in 1..8"),
        (lambda d, a: d.update(bit_widths=[8, 8]), "bit_widths must be different k in 1..8"),
        (lambda d, a: d["layers"][1].update(scale=1), "layer 'mean' takes no 'scale'"),
        (lambda d, a: d["layers"][1].update(input="x"), "layer 'mean' reads 'x', which is no earl"),
        (lambda d, a: d["layers"][0].update(color=1), "layer 'conv' has unknown entries ['color']"),
        (lambda d, a: d["layers"][0].pop("weights"), "layer 'conv' must have either weights or co"),
        (lambda d, a: d["layers"][0].pop("scale"), "layer 'conv' must have a scale, or parameters"),
        (
            lambda d, a: d["layers"][0].update(scale=True),
            "layer 'conv': scale must be a number or the name of a .npy file",
        ),
        (
            lambda d, a: d["layers"][0].update(scale={"8": 1}),
            "layer 'conv': scale lacks k = 4",
        ),
        (
            lambda d, a: d["layers"][0].update(bias="v.npy"),
            "layer 'conv': bias must have shape (4,), not (3, 4)",
        ),
        (lambda d, a: a["b"].__setitem__(1, np.nan), "layer 'conv': bias must be finite"),
        (lambda d, a: d["layers"][0].update(scale=1e300), "Layer 'conv' at k = 8: Requantisation"),
        (lambda d, a: d["layers"][0].update(scale=10**400), "int too large to convert to float"),
        (
            lambda d, a: d["layers"][0].update(weight_bits=3),
            "layer 'conv': weights of 3 bits must be in -4..3, not -8..7",
        ),
        (lambda d, a: d["layers"][0].update(weight_bits=9), "layer 'conv': weight_bits must be in"),
        (
            lambda d, a: d["layers"][0].pop("offset"),
            "layer 'conv': signed weights need offset 'twos_complement'",
        ),
        (
            lambda d, a: a.update(w=a["w"].astype(float)),
            "layer 'conv': weights must be integers",
        ),
        (
            lambda d, a: a.update(w=a["w"][0]),
            "layer 'conv': weights must be (O, I) or (O, I, KH, KW), not (2, 3, 3)",
        ),
        (lambda d, a: a.update(w=a["w"][:, :1]), "Layer 'conv' takes 1 channels, but its input"),
        (
            lambda d, a: d["layers"][0].update(codes=d["layers"][0].pop("weights"), weight_bits=8),
            "layer 'conv': codes have 8 bits",
        ),
        (
            lambda d, a: d["layers"][3].update(
                codes=d["layers"][3].pop("weights"),
                offset=d["layers"][3].pop("weight_bits") and "bipolar",
            ),
            "layer 'logits': codes must be uint8, not int8",
        ),
        (
            lambda d, a: d["layers"][0].update(input_zero=300),
            "layer 'conv': input_zero must be in 0..255, not 300",
        ),
        (
            lambda d, a: d["layers"][0].update(parameters={}),
            "layer 'conv' has parameters, and so must not have ['bias', 'scale']",
        ),
        *(
            (
                lambda d, a, name=name: d["layers"][0].update(weights=name),
                f"layer 'conv': weights must be the name of a .npy file, not {name!r}",
            )
            for name in ("../w.npy", "/etc/passwd", "w.npz", "a/w.npy", "", 3, None, ["w.npy"])
        ),
        (lambda d, a: d["layers"][0].update(weights="no.npy"), "layer 'conv': no.npy is no file"),
    ],
)
def test_folders_of_another_form_are_refused(change, message, tmp_path):
    folder = write(tmp_path / "f", *changed(change))
    with pytest.raises(NetworkFileError, match=re.escape(message)) as error:
        load_arrays(folder)
    assert str(error.value).startswith(f"{folder / 'network.json'}: ")
    assert "\n" not in str(error.value)


def test_a_folder_without_a_description_is_refused(tmp_path):
    with pytest.raises(
        NetworkFileError, match="there must be a file network.json; docs/howto/import.md"
    ):
        load_arrays(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1, "a": 2}', "\xff", "NaN", "[]"])
def test_descriptions_that_are_no_json_objects_are_refused(text, tmp_path):
    (tmp_path / "network.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(NetworkFileError):
        load_arrays(tmp_path)


def test_links_that_lead_elsewhere_are_not_followed(tmp_path):
    folder = write(tmp_path / "f", *by_reals())
    (folder / "w.npy").rename(tmp_path / "w.npy")
    (folder / "w.npy").symlink_to(tmp_path / "w.npy")
    with pytest.raises(NetworkFileError, match="layer 'conv': w.npy is no file here"):
        load_arrays(folder)


class Evil:
    """Would write a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("kind", ["object", "raw"])
def test_pickles_are_not_opened(kind, tmp_path):
    folder = write(tmp_path / "f", *by_reals())
    evil = Evil(str(tmp_path / "executed"))
    if kind == "object":
        np.save(folder / "w.npy", np.array([evil]), allow_pickle=True)
    else:
        (folder / "w.npy").write_bytes(pickle.dumps(evil))
    with pytest.raises(NetworkFileError, match="w.npy: not a whole .npy array of numbers"):
        load_arrays(folder)
    assert not (tmp_path / "executed").exists()


def test_an_array_that_says_to_be_huge_takes_no_memory(tmp_path):
    folder = write(tmp_path / "f", *by_reals())
    for shape in ("(1099511627776, 2, 3, 3)", "(-1, 2, 3, 3)", "(99999999999999999999999,)"):
        header = f"{{'descr': '|i1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
        (folder / "w.npy").write_bytes(start + header.encode() + b"\0" * 72)
        with pytest.raises(NetworkFileError, match="w.npy"):
            load_arrays(folder)


@given(data=st.data())
@settings(max_examples=200, deadline=2000)
def test_flipped_bits_give_an_error_or_a_valid_network(tmp_path_factory, data):
    folder = write(tmp_path_factory.mktemp("flip") / "f", *by_reals())
    path = folder / data.draw(st.sampled_from(["network.json", "w.npy", "s.npy", "v.npy"]))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        place = data.draw(st.integers(0, len(content) * 8 - 1))
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(content))
    with suppress(NetworkFileError):  # and no other
        assert load_arrays(folder).layers
