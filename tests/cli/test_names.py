"""Names in files are their authors': none reaches a path, a terminal or a spreadsheet raw."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.golden import save, save_images

HOSTILE = "\x1b[31mred\x00\u202e"


def renamed(names, title="small"):
    """The small network with other names of layers, in order."""
    network = small_network()
    new = dict(zip([layer.name for layer in network.layers], names, strict=False))
    layers = tuple(
        replace(
            layer,
            name=new.get(layer.name, layer.name),
            input=new.get(layer.input, layer.input),
            **(
                {"residual": new.get(layer.residual, layer.residual)}
                if getattr(layer, "residual", None)
                else {}
            ),
        )
        for layer in network.layers
    )
    tensors = {
        new.get(name.split(".")[0], name.split(".")[0]) + name[name.index(".") :]: tensor
        for name, tensor in network.tensors.items()
    }
    return replace(network, name=title, layers=layers, tensors=tensors)


@pytest.fixture
def saved(tmp_path):
    def saved(names=(), title="small"):
        save(renamed(names, title), tmp_path / "net.safetensors")
        save_images(tmp_path / "images.safetensors", np.zeros((2, 2, 7, 6), np.uint8))
        return "net.safetensors"

    return saved


@pytest.mark.parametrize(
    "words",
    ["inspect net.safetensors", "infer net.safetensors --data images.safetensors --layers -k 8,2"],
)
def test_no_control_character_reaches_the_terminal(run, saved, words):
    saved([HOSTILE])
    code, out, err = run(*words.split())
    assert code == 0, err
    assert "\\x1b[31mred\\x00\\u202e" in out
    assert {char for char in out if not char.isprintable()} == {"\n"}


def test_none_reaches_it_in_a_message(run, saved):
    saved([HOSTILE])
    code, _, err = run(
        "infer", "net.safetensors", "--data", "images.safetensors", "--on", "rtl", "-k", "8",
        "--max-reduction", "4",
    )  # fmt: skip
    assert code == 2
    assert "\\x1b" in err
    assert {char for char in err if not char.isprintable()} == {"\n"}


def test_no_name_is_a_formula_in_csv(run, saved, tmp_path):
    saved(["=1+1", "@sum(a)"])
    code, _, err = run("report", "net.safetensors", "-k", "8", "--format", "csv", "--out", "r.csv")
    assert code == 0, err
    cells = [
        cell for row in csv.reader((tmp_path / "r.csv").read_text().splitlines()) for cell in row
    ]
    assert "'=1+1" in cells and "'@sum(a)" in cells
    assert [cell for cell in cells if cell[:1] in "=@" and cell] == []


def test_a_dump_has_a_file_for_each_layer_whatever_its_name(run, saved, tmp_path):
    names = ["a b", "00_a_b", "a/b", "../up", "A" * 300]
    saved(names)
    code, _, err = run(
        "infer", "net.safetensors", "--data", "images.safetensors", "-k", "8", "--dump", "d"
    )
    assert code == 0, err
    assert len(list((tmp_path / "d" / "k8").iterdir())) == 7
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("title", ["../../up", "/absolute/place", "a b", ".", "x" * 400])
def test_an_exported_network_stays_in_its_folder(run, saved, tmp_path, title):
    saved(title=title)
    code, out, err = run(
        "export", "net.safetensors", "--format", "qonnx", "-k", "8", "--out", "out", "--json"
    )
    assert code == 0, err
    (file,) = json.loads(out)["files"]
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*")] == [
        file["path"]
    ]
    assert len(list(tmp_path.iterdir())) == 3
