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
        "version": 2,
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
        (lambda d, a: d.update(version=3), "format version must be in 1..2, not 3"),
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


@pytest.mark.parametrize(("name", "value"), [("version", "1"), ("padding", "[1, 1]")])
def test_an_entry_that_is_there_twice_is_named(name, value, tmp_path):
    """Of the description or of a layer, and though both are the same."""
    entry = f'"{name}": {value}'
    description, arrays = by_reals()
    folder = write(tmp_path / "f", description, arrays)
    path = folder / "network.json"
    path.write_text(path.read_text().replace(entry, f"{entry}, {entry}"))
    with pytest.raises(NetworkFileError, match=f"^{path}: the entry '{name}' is there twice$"):
        load_arrays(folder)


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


def reals(folder, arrays, *layers, bit_widths=(8,), image=(2, 2, 3, 8)):
    names = ("channels", "height", "width", "bits")
    description = {
        "format": "truncmac-arrays",
        "version": 1,
        "name": "reals",
        "image": dict(zip(names, image, strict=True)),
        "bit_widths": list(bit_widths),
        "layers": list(layers),
    }
    return load_arrays(write(folder, description, arrays))


def conv(name, source="image", **entries):
    return {
        **{"op": "conv2d", "name": name, "input": source, "out_bits": 8},
        **{"offset": "twos_complement"},
        **entries,
    }


@pytest.mark.parametrize("residual_scale", [None, 0.5, "r.npy"])
def test_a_residual_is_added_at_its_scale(residual_scale, tmp_path):
    """Windows of one pixel and scales of powers of two, so that every code is exact."""
    rng = np.random.default_rng(3)
    arrays = {
        "a": rng.integers(-128, 128, (3, 2, 1, 1), np.int8),
        "b": rng.integers(-128, 128, (3, 2, 1, 1), np.int8),
        "r": np.array([0.25, 1.0, 2.0]),
    }
    extra = {} if residual_scale is None else {"residual_scale": residual_scale}
    network = reals(
        *(tmp_path / "f", arrays),
        conv("a", weights="a.npy", scale=2.0**-8, bias=3, out_bits=4),
        conv("b", weights="b.npy", scale=2.0**-7, bias=-2.25, residual="a", **extra),
    )
    images = rng.integers(0, 256, (5, 2, 2, 3), np.uint8)
    found = execute(network, images, 8).outputs
    sums = {
        name: np.einsum("bchw,oc->bohw", images.astype(int), arrays[name][:, :, 0, 0].astype(int))
        for name in "ab"
    }
    a = np.clip(np.floor(sums["a"] / 256 + 3 + 0.5), 0, 15)
    np.testing.assert_array_equal(found["a"], a)
    scale = {None: np.ones(3), 0.5: np.full(3, 0.5), "r.npy": arrays["r"]}[residual_scale]
    exact = sums["b"] / 128 - 2.25 + scale.reshape(3, 1, 1) * a
    np.testing.assert_array_equal(found["b"], np.clip(np.floor(exact + 0.5), 0, 255))
    assert len(np.unique(found["b"])) > 20


@pytest.mark.parametrize("bits", [1, 2, 7, 8])
def test_weights_of_each_width_are_worth_what_they_say(bits, tmp_path):
    """All of them: a pixel of 1 times each, in a unit of 1 / 128 of the whole range."""
    most = 1 << bits - 1
    weights = np.arange(-most, most, dtype=np.int16).reshape(-1, 1, 1, 1)
    network = reals(
        *(tmp_path / "f", {"w": weights}),
        conv("c", weights="w.npy", weight_bits=bits, scale=1.0, bias=most, out_bits=8),
        image=(1, 1, 1, 8),
    )
    found = execute(network, np.ones((1, 1, 1, 1), np.uint8), 8).outputs["c"]
    assert found.ravel().tolist() == list(range(2 * most))


def test_the_layers_own_codes_bound_what_reads_them(tmp_path):
    """Pools and shortcuts pass their input's bits on, and logits come of whole codes."""
    arrays = {"w": np.ones((1, 1, 1, 1), np.int8), "v": np.ones((1, 1), np.int8)}
    network = reals(
        *(tmp_path / "f", arrays),
        conv("c", weights="w.npy", scale=1, out_bits=3),
        {"op": "max_pool", "name": "m", "input": "c", "kernel": [1, 1], "stride": [1, 1]},
        {"op": "flatten", "name": "f", "input": "m"},
        {
            **{"op": "linear", "name": "l", "input": "f", "residual": "f", "bits": 8},
            **{"offset": "twos_complement", "weights": "v.npy", "scale": 2, "residual_scale": 3},
        },
        image=(1, 1, 1, 8),
    )
    logits = execute(network, np.array([[[[9]]], [[[5]]]], np.uint8), 8).logits
    assert logits.ravel().tolist() == [2 * 7 + 3 * 7, 2 * 5 + 3 * 5]


def test_sizes_of_descriptions_and_arrays(tmp_path):
    """4 MiB of text, and 256 MiB of an array, which here is a sparse file, are the most."""
    folder = write(tmp_path / "f", *by_reals())
    path = folder / "network.json"
    path.write_text(path.read_text().ljust(4 << 20))
    assert load_arrays(folder).layers
    path.write_text(path.read_text() + " ")
    message = f"{path}: has 4194305 bytes; the most that is read is 4194304"
    with pytest.raises(NetworkFileError, match=f"^{re.escape(message)}$"):
        load_arrays(folder)
    folder = write(tmp_path / "g", *by_reals())
    with (folder / "w.npy").open("wb") as file:
        file.truncate((256 << 20) + 1)
    with pytest.raises(
        NetworkFileError, match=r"w\.npy has 268435457 bytes; the most is 268435456"
    ):
        load_arrays(folder)
    with (folder / "w.npy").open("wb") as file:
        file.truncate(256 << 20)
    with pytest.raises(NetworkFileError, match=r"w\.npy: not a whole \.npy array of numbers"):
        load_arrays(folder)


@pytest.mark.parametrize("count", [65_536, 65_537])
def test_channels_are_65536_at_most(count, tmp_path):
    arrays = {"w": np.zeros((count, 1, 1, 1), np.int8)}
    layer = conv("c", weights="w.npy", scale=1.0, out_bits=1)
    if count == 65_536:
        network = reals(tmp_path / "f", arrays, layer, image=(1, 1, 1, 8))
        assert network.tensors["c.codes"].shape == (count, 1, 1, 1)
        return
    message = "weights must be (O, I) or (O, I, KH, KW), not (65537, 1, 1, 1)"
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        reals(tmp_path / "f", arrays, layer, image=(1, 1, 1, 8))


@pytest.mark.parametrize("length", [201, 202])
def test_names_of_arrays_have_201_characters_at_most(length, tmp_path):
    name = "x" * length
    layer = conv("c", weights=f"{name}.npy", scale=1.0)
    arrays = {name: np.zeros((1, 1, 1, 1), np.int8)}
    if length == 201:
        assert reals(tmp_path / "f", arrays, layer, image=(1, 1, 1, 8)).layers
        return
    message = f"weights must be the name of a .npy file, not {f'{name}.npy'!r}"
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        reals(tmp_path / "f", arrays, layer, image=(1, 1, 1, 8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, a: d["image"].update(bits=0), "image must have bits in 1..8"),
        (lambda d, a: d.update(bit_widths=[*range(1, 9), 1]), "bit_widths must be k in 1..8"),
        (lambda d, a: d.update(bit_widths=[]), "bit_widths must be k in 1..8"),
        (lambda d, a: d.update(bit_widths=8), "bit_widths must be k in 1..8"),
        (lambda d, a: d.update(bit_widths=[9]), "bit_widths must be k in 1..8"),
        (lambda d, a: d["layers"][0].update(weight_bits=0), "weight_bits must be in 1..8, not 0"),
        (lambda d, a: d["layers"][0].update(weight_bits=True), "must be in 1..8, not True"),
        (lambda d, a: d["layers"][0].update(codes="w.npy"), "must have either weights or codes"),
        (lambda d, a: d["layers"][0].update(input_zero=-1), "must be in 0..255, not -1"),
        (lambda d, a: d["layers"][0].update(input_zero=256), "must be in 0..255, not 256"),
        (lambda d, a: d["layers"][0].update(bias="w.npy"), "bias must have shape (4,), not (4, 2"),
        (lambda d, a: d["layers"][0].update(bias=[1]), "bias must be a number or the name of a"),
        (lambda d, a: a.update(b=a["b"].astype("S8")), "layer 'conv': bias must be numbers"),
        (lambda d, a: a["s"].__setitem__(0, np.inf), "layer 'conv': scale must be finite"),
        (lambda d, a: a["w"].__setitem__((0, 0, 0, 0), 8), "4 bits must be in -8..7, not -8..8"),
        (lambda d, a: a["w"].__setitem__((0, 0, 0, 0), -9), "4 bits must be in -8..7, not -9..7"),
        (lambda d, a: a.update(w=a["w"][:0]), "weights must be (O, I) or (O, I, KH, KW), not (0,"),
        (lambda d, a: a.update(w=a["w"][None]), "weights must be (O, I) or (O, I, KH, KW), not (1"),
        (lambda d, a: d["layers"][0].update(residual="z"), "reads 'z', which is no earlier layer"),
    ],
)
def test_entries_beside_the_ends_of_their_ranges_are_refused(change, message, tmp_path):
    folder = write(tmp_path / "f", *changed(change))
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        load_arrays(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p["8"].update(more="x.npy"), "parameters must have ['multiplier', 'bias', 'shi"),
        (lambda p: p.update({"8": []}), "layer 'first': parameters must have ['multiplier', 'bias"),
        (lambda p: p["8"].update(bias="real.npy"), "layer 'first': bias must be integers"),
        (lambda p: p["8"].update(bias=3), "layer 'first': bias must be the name of a .npy file, n"),
        (lambda p: p.pop("2"), "tensor 'first.b2.multiplier' is missing"),
    ],
)
def test_parameters_of_another_form_are_refused(change, message, tmp_path):
    description, arrays = by_parameters()
    change(description["layers"][0]["parameters"])
    folder = write(tmp_path / "f", description, arrays | {"real": np.zeros(5)})
    with pytest.raises(NetworkFileError, match=re.escape(message)):
        load_arrays(folder)


def test_parameters_are_an_object_and_layers_of_no_weights_have_none(tmp_path):
    description, arrays = by_parameters()
    description["layers"][0]["parameters"] = [1]
    message = re.escape("layer 'first': parameters must be an object by k")
    with pytest.raises(NetworkFileError, match=message):
        load_arrays(write(tmp_path / "f", description, arrays))
    description, arrays = by_reals()
    description["layers"][1] |= {"scale": 1, "parameters": {}}
    with pytest.raises(NetworkFileError, match="layer 'mean' takes no 'parameters'"):
        load_arrays(write(tmp_path / "g", description, arrays))
