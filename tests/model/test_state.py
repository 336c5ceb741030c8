import io
import os
import pickle
import re
import tempfile
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from truncmac.model.checkpoint import CheckpointError
from truncmac.model.convert import truncquantize
from truncmac.model.networks import ImageShape, build
from truncmac.model.state import is_converted, plain_model, read_state, trained_model

SHAPE = ImageShape(1, 4, 4, 3)

ANOTHER = (
    "Another network is imported from its Python file, as truncmac import FILE.py:NAME, or as ONNX"
)


def state(converted=False):
    torch.manual_seed(0)
    model = build("mlp", SHAPE)
    return (truncquantize(model, (8, 2)) if converted else model).state_dict()


def saved(content):
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model.safetensors"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_tensors_are_read_by_name(name, wrapped, tmp_path):
    path, content = tmp_path / name, state()
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        path.write_bytes(saved({"state_dict": content} if wrapped else content))
    found = read_state(path)
    assert set(found) == set(content)
    assert all(torch.equal(found[key], value) for key, value in content.items())


def test_models_are_rebuilt_from_their_tensors():
    assert not is_converted(state())
    model = plain_model("mlp", SHAPE, state())
    assert torch.equal(model.classes.weight, state()["classes.weight"])
    trained = state(converted=True)
    assert is_converted(trained)
    model = trained_model("mlp", SHAPE, trained, act_bits=3, centred=True)
    assert set(model.norm1.norms) == {"8", "2", "32"}
    assert model.act1.act_bits == 3
    assert model.linear1.centred
    assert not model.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.pop("classes.bias"),
            "The tensors are not those of mlp: lacking are classes.bias. ",
        ),
        (
            lambda s: s.update(a=s["classes.bias"]),
            "The tensors are not those of mlp: not known are a. ",
        ),
        (
            lambda s: s.update({"classes.bias": torch.zeros(1).expand(1 << 40)}),
            "Tensor 'classes.bias' must have shape (3,) for mlp, not (1099511627776,)",
        ),
        (
            lambda s: s.update({"classes.bias": torch.full((3,), float("nan"))}),
            "Tensor 'classes.bias' must be finite, not NaN or infinite",
        ),
    ],
)
def test_tensors_of_another_network_are_refused(change, message):
    content = dict(state())
    change(content)
    with pytest.raises(CheckpointError, match=f"^{re.escape(message)}"):
        plain_model("mlp", SHAPE, content)


def test_batch_norms_of_other_bit_widths_are_refused():
    content = {name.replace(".norms.8.", ".norms.9."): t for name, t in state(True).items()}
    with pytest.raises(CheckpointError, match="The batch-norms must be for k in 1..8"):
        trained_model("mlp", SHAPE, content, 4)


class Evil:
    """Would make a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_nothing_in_a_file_is_executed(tmp_path):
    evil = Evil(str(tmp_path / "executed"))
    for index, content in enumerate((saved({"a": evil}), pickle.dumps({"a": evil}), saved(evil))):
        path = tmp_path / f"{index}.pt"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a whole state_dict|holds more than tensors"):
            read_state(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [3, [torch.zeros(1)], {}, {"a": 1}, {1: torch.zeros(1)}])
def test_other_contents_are_refused(content, tmp_path):
    (tmp_path / "a.pt").write_bytes(saved(content))
    with pytest.raises(CheckpointError, match="must hold the tensors|names must be strings"):
        read_state(tmp_path / "a.pt")


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path):
    with (
        zipfile.ZipFile(io.BytesIO(saved(state()))) as source,
        zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(CheckpointError, match="is compressed, which torch.save never does"):
        read_state(tmp_path / "a.pt")


def test_folders_and_missing_files_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="a folder, not a file of tensors"):
        read_state(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere.pt"):
        read_state(tmp_path / "nowhere.pt")


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_every_truncated_file_is_refused(name, tmp_path):
    path, content = tmp_path / name, {"a": torch.arange(40.0), "b": torch.zeros(3)}
    if path.suffix == ".pt":
        path.write_bytes(saved(content))
    else:
        save_file(content, path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 23):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError):
            read_state(path)


WHOLE = saved({"a": torch.arange(40.0), "b": torch.zeros(3, dtype=torch.int64)})


@given(data=st.data())
@settings(max_examples=300, deadline=2000)
def test_flipped_bits_give_an_error_or_tensors(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "a.pt"
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) * 8 - 1))
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(content))
    with suppress(CheckpointError):  # and no other
        assert read_state(path)


@pytest.mark.parametrize("widths", [(1,), (8,), (8, 7, 6, 5, 4, 3, 2, 1)])
def test_every_bit_width_may_have_batch_norms(widths):
    torch.manual_seed(0)
    content = truncquantize(build("mlp", SHAPE), widths).state_dict()
    model = trained_model("mlp", SHAPE, content, act_bits=4)
    assert set(model.norm1.norms) == {*map(str, widths), "32"}
    assert not model.linear1.centred and not model.classes.centred
    assert torch.equal(model.linear1.weight, content["linear1.weight"])


def test_batch_norms_of_no_bit_width_are_refused():
    """Those of floats alone, of k = 0, and of what is no number."""
    kept = {name: t for name, t in state(True).items() if ".norms.8." not in name}
    kept = {name: t for name, t in kept.items() if ".norms.2." not in name}
    zero = {name.replace(".norms.2.", ".norms.0."): t for name, t in state(True).items()}
    word = {name.replace(".norms.32.", ".norms.x."): t for name, t in kept.items()}
    for content in (kept, zero, word):
        with pytest.raises(CheckpointError, match=r"^The batch-norms must be for k in 1\.\.8$"):
            trained_model("mlp", SHAPE, content, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: [s.pop(name) for name in sorted(s)[:4]] and s.update(x=torch.zeros(1)),
            "The tensors are not those of mlp: lacking are {0}, {1}, {2} and 1 more. "
            "not known are x. " + ANOTHER,
        ),
        (
            lambda s: [s.pop(name) for name in sorted(s)[:3]],
            "The tensors are not those of mlp: lacking are {0}, {1}, {2}. " + ANOTHER,
        ),
        (
            lambda s: s.update({"classes.bias": torch.zeros(3, dtype=torch.complex64)}),
            "Tensor 'classes.bias' must have shape (3,) for mlp, not (3,)",
        ),
        (
            lambda s: s.update({"classes.bias": torch.zeros(3).to_sparse()}),
            "Tensor 'classes.bias' must have shape (3,) for mlp, not (3,)",
        ),
        (
            lambda s: s["classes.bias"].__setitem__(1, float("inf")),
            "Tensor 'classes.bias' must be finite, not NaN or infinite",
        ),
    ],
)
def test_what_differs_is_named_in_full(change, message):
    content = {name: tensor.clone() for name, tensor in state().items()}
    names = sorted(content)
    change(content)
    with pytest.raises(CheckpointError, match=f"^{re.escape(message.format(*names))}$"):
        plain_model("mlp", SHAPE, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "must hold the tensors of a model by name"),
        ({}, "must hold the tensors of a model by name"),
        ({"a": torch.zeros(1), "b": 1}, "must hold the tensors of a model by name"),
        ({"state_dict": {}}, "must hold the tensors of a model by name"),
        ({"state_dict": {"a": torch.zeros(1)}, "more": 1}, "must hold the tensors of a model"),
        ({1: torch.zeros(1)}, "the tensors' names must be strings"),
        ({"a": torch.zeros(1), 1: torch.zeros(1)}, "the tensors' names must be strings"),
    ],
)
def test_what_is_wrong_of_the_contents_is_said(content, message, tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(saved(content))
    with pytest.raises(CheckpointError, match=f"^{re.escape(f'{path}: {message}')}"):
        read_state(path)


def test_one_tensor_is_a_state():
    data = {"a": torch.arange(3)}
    assert set(read_saved(data)) == set(read_saved({"state_dict": data})) == {"a"}


def read_saved(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pt"
        path.write_bytes(saved(content))
        return read_state(path)


def archive(path, change):
    """An archive as torch.save writes it, with its members' contents changed."""
    with (
        zipfile.ZipFile(io.BytesIO(saved({"a": torch.arange(40.0)}))) as source,
        zipfile.ZipFile(path, "w") as target,
    ):
        for entry in source.infolist():
            content, kind = change(entry.filename, source.read(entry))
            target.writestr(entry.filename, content, kind)
    return path


def test_one_member_that_is_packed_is_enough(tmp_path):
    def change(name, content):
        return content, zipfile.ZIP_DEFLATED if name.endswith(".pkl") else zipfile.ZIP_STORED

    path = archive(tmp_path / "a.pt", change)
    with pytest.raises(CheckpointError, match="is compressed, which torch.save never does"):
        read_state(path)


@pytest.mark.parametrize("more", [0, 1])
def test_members_take_no_more_bytes_than_the_file(tmp_path, more):
    """The last one is said to be so large that all are as large as the file, or larger by one."""
    path = archive(tmp_path / "a.pt", lambda name, content: (content, zipfile.ZIP_STORED))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        *others, _ = (entry.file_size for entry in file.infolist())
    place = content.rfind(b"PK\x01\x02") + 24  # its size, in the archive's list
    content[place : place + 4] = (len(content) - sum(others) + more).to_bytes(4, "little")
    path.write_bytes(content)
    message = "unpacks to more than it should" if more else "not a whole state_dict of tensors"
    with pytest.raises(CheckpointError, match=f"^{re.escape(f'{path}: {message}')}"):
        read_state(path)


@pytest.mark.parametrize("more", [0, 1])
def test_eight_mebibytes_of_a_pickle_are_the_most(tmp_path, more):
    def change(name, content):
        size = (8 << 20) + more if name.endswith(".pkl") else len(content)
        return content.ljust(size, b"\0"), zipfile.ZIP_STORED

    path = archive(tmp_path / "a.pt", change)
    if more:
        with pytest.raises(CheckpointError, match="unpacks to more than it should"):
            read_state(path)
    else:
        assert torch.equal(read_state(path)["a"], torch.arange(40.0))


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_four_gibibytes_are_the_most_that_is_read(tmp_path, name):
    """Of sparse files, whose bytes are nowhere."""
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate((4 << 30) + 1)
    message = f"{path}: the most that is read is 4294967296 bytes"
    with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
        read_state(path)
    with path.open("wb") as file:
        file.truncate(4 << 30)
    with pytest.raises(CheckpointError, match="not a whole"):
        read_state(path)


@pytest.mark.parametrize(("said", "told"), [("x" * 300, "x" * 200), ("short", "short"), ("", "")])
def test_what_torch_says_is_told_in_one_short_line(tmp_path, monkeypatch, said, told):
    def fail(*arguments, **options):
        raise RuntimeError(f"\n{said}\nmore" if said else "")

    path = tmp_path / "a.pt"
    path.write_bytes(saved({"a": torch.zeros(1)}))
    monkeypatch.setattr(torch, "load", fail)
    message = (
        f"{path}: not a whole state_dict of tensors (RuntimeError: {told}). "
        "Write it with torch.save(model.state_dict(), path)"
    )
    with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
        read_state(path)


def test_warnings_of_torch_are_not_shown(tmp_path, monkeypatch, recwarn):
    def warn(*arguments, **options):
        warnings.warn("old", UserWarning, stacklevel=1)
        assert options == {"map_location": "cpu", "weights_only": True}
        return {"a": torch.zeros(1)}

    path = tmp_path / "a.pt"
    path.write_bytes(saved({"a": torch.zeros(1)}))
    monkeypatch.setattr(torch, "load", warn)
    assert set(read_state(path)) == {"a"}
    assert not recwarn.list
