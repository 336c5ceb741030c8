import csv
import re
import sys

import pytest
import torch

from truncmac import cli
from truncmac.golden import execute, load, load_images, predictions
from truncmac.training import chosen_recipe


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def run(monkeypatch, capsys, *args):
    """Exit code, output, and errors of the command."""
    monkeypatch.setattr("sys.argv", ["truncmac", "train", *map(str, args)])
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out = capsys.readouterr()
    return stop.value.code, out.out, out.err


def test_a_run_trains_exports_and_compares(monkeypatch, capsys, tmp_path):
    out = tmp_path / "run"
    options = ["--network", "mlp", "--epochs", 4, "--out", out]
    code, text, _ = run(monkeypatch, capsys, *options)
    assert code == 0
    rows = {m[1]: m[0] for m in re.finditer(r"^ (\d)( \(calibrated\))? .*$", text, re.MULTILINE)}
    assert set(rows) == set("12345678")
    network = load(out / "network.safetensors")
    images, labels = load_images(out / "images.safetensors")
    right = (predictions(execute(network, images, 8).logits) == labels).mean()
    assert f"{right:.2%}" in rows["8"]
    with (out / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2", "3", "4"]
    assert list((out / "tensorboard").iterdir())


def test_a_resumed_run_goes_on_and_a_second_one_is_refused(monkeypatch, capsys, tmp_path):
    options = ["--network", "mlp", "--epochs", 2, "--out", tmp_path]
    assert run(monkeypatch, capsys, *options)[0] == 0
    code, _, errors = run(monkeypatch, capsys, *options)
    assert code == 2
    assert "exists: go on with --resume, or choose another --out" in errors
    code, _, errors = run(monkeypatch, capsys, *options, "--resume", "--act-bits", 2)
    assert code == 2
    assert "Checkpoint has act_bits = 4, this run 2" in errors
    assert run(monkeypatch, capsys, *options, "--resume")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "lenet"], "Network must be one of cnn, mlp"),
        (["--dataset", "svhn"], "Data set must be one of digits"),
        (["--dataset", "cifar10"], "pass its folder with --data"),
        (["--dataset", "cifar10", "--data", "/nowhere"], "Looked in:"),
        (["--recipe", "fast"], "Recipe must be one of digits, mnist5k, cifar, imagenet"),
        (["--teacher", "x"], "Teacher must be distil or labels, not 'x'"),
        (["--device", "tpu"], "Device must be auto, cpu or cuda, not 'tpu'"),
        (["--act-bits", "9"], "Bit-width k must be in 1..8, not 9"),
        (["-k", "8,9"], "Bit-width k must be in 1..8, not '9'"),
        (["--resume"], "checkpoint.safetensors: no such file"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(options, message, monkeypatch, capsys, tmp_path):
    out = tmp_path / "run"
    code, _, errors = run(monkeypatch, capsys, "--out", out, *options)
    assert code == 2
    assert message in errors
    assert not out.exists()


def test_milestones_keep_their_place_in_fewer_epochs():
    recipe = chosen_recipe("cifar10", epochs=20, seed=3)
    assert (recipe.epochs, recipe.milestones, recipe.seed) == (20, (10, 15, 18), 3)


def test_without_pytorch_the_command_says_how_to_get_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "truncmac.training", None)
    code, _, errors = run(monkeypatch, capsys, "--out", tmp_path / "run")
    assert code == 2
    assert "pip install 'truncmac[train]'" in errors
