import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from truncmac import cli
from truncmac.commands.train.run import chosen_recipe
from truncmac.golden import execute, load, load_images, predictions
from truncmac.golden.files import alone
from truncmac.model.training import Trainer
from truncmac.sim.extras import install_extra


def test_a_run_trains_exports_and_compares(train, tmp_path):
    out = tmp_path / "run"
    options = ["--network", "mlp", "--epochs", 4, "--out", out]
    code, text, _ = train(*options)
    assert code == 0
    rows = {m[1]: m[0] for m in re.finditer(r"^ (\d)( \(not trained\))? .*$", text, re.MULTILINE)}
    assert set(rows) == set("12345678")
    network = load(out / "network.safetensors")
    images, labels = load_images(out / "images.safetensors")
    right = (predictions(execute(network, images, 8).logits) == labels).mean()
    assert f"{right:.2%}" in rows["8"]
    # Not one of 450 predictions at any k, so fewer than one in a thousand
    assert {row.split()[-2] for row in rows.values()} == {"0"}
    with (out / "log.csv").open() as file:
        logged = list(csv.DictReader(file))
    assert [row["epoch"] for row in logged] == ["1", "2", "3", "4"]
    assert f"accuracy at k = 8: {float(logged[3]['accuracy_k8']):.1%}" in text
    assert list((out / "tensorboard").iterdir())


def test_json_is_all_of_stdout(train, tmp_path):
    options = ["--network", "mlp", "--epochs", 1, "-k", "8,1", "--out", tmp_path]
    code, text, errors = train(*options, "--json")
    assert code == 0
    assert errors.startswith("epoch 1, loss ")
    assert "Written: " in errors
    found = json.loads(text)
    assert (found["network"], found["dataset"]) == ("mlp", "digits")
    assert (found["epochs"], found["seed"]) == (1, 0)
    assert [line["k"] for line in found["bits"] if line["trained"]] == [8, 1]
    assert {line["k"] for line in found["bits"]} == set(range(1, 9))
    network = load(found["files"][0])
    images, labels = load_images(tmp_path / "images.safetensors")
    assert found["images"] == len(images)
    for line in found["bits"]:
        right = (predictions(execute(network, images, line["k"]).logits) == labels).mean()
        assert line["integer_accuracy"] == right
        assert abs(line["float_accuracy"] - right) * len(images) <= line["differing_predictions"]
        assert 0 <= line["differing_codes"] < line["codes"]
    # The next command speaks on stdout again
    assert "Written: " in train(*options, "--resume")[1]


def test_a_resumed_run_goes_on_and_a_second_one_is_refused(train, tmp_path):
    options = ["--network", "mlp", "--epochs", 2, "--out", tmp_path]
    assert train(*options)[0] == 0
    code, _, errors = train(*options)
    assert code == 2
    assert "exists: go on with --resume, or choose another --out" in errors
    code, _, errors = train(*options, "--resume", "--act-bits", 2)
    assert code == 2
    assert "Checkpoint has act_bits = 4, this run 2" in errors
    assert train(*options, "--resume")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "lenet"], "'lenet' is not one of 'cnn', 'mlp'"),
        (["--dataset", "svhn"], "'svhn' is not one of 'digits', "),
        (["--dataset", "cifar10"], "pass its folder with --data"),
        (
            ["--dataset", "cifar10", "--data", "/nowhere"],
            "CIFAR-10 not found: there is no /nowhere/data_batch_1.bin, /nowhere/cifar-10-",
        ),
        (["--recipe", "fast"], "'fast' is not one of 'digits', 'mnist5k', 'cifar', 'imagenet'"),
        (["--teacher", "x"], "'x' is not one of 'distil', 'labels'"),
        (["--device", "tpu"], "'tpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["--act-bits", "9"], "Invalid value for '--act-bits'"),
        (["-k", "8,9"], "Bit-width k must be in 1..8, not '9'"),
        (["--trials", "--changes", "x"], "--changes must be all or some of none, centred"),
        (["--resume"], "checkpoint.safetensors: no such file; leave out --resume to begin"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(train, options, message, tmp_path):
    out = tmp_path / "run"
    code, _, errors = train("--out", out, *options)
    assert code == 2
    assert message in errors
    assert not out.exists()


@pytest.mark.parametrize("kind", [[], ["--study"], ["--trials"]])
def test_a_folder_in_which_another_run_is_at_work_is_refused(train, kind, tmp_path):
    with alone(tmp_path):
        code, _, errors = train("--network", "mlp", "--out", tmp_path, *kind)
    assert code == 2
    assert errors == (
        f"truncmac: {tmp_path}: another run is at work in it; wait for its end, or choose another "
        "--out\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_milestones_keep_their_place_in_fewer_epochs():
    recipe = chosen_recipe("cifar10", epochs=20, seed=3)
    assert (recipe.epochs, recipe.milestones, recipe.seed) == (20, (10, 15, 18), 3)


def test_without_pytorch_the_command_says_how_to_get_it(train, monkeypatch, tmp_path):
    for name in [n for n in sys.modules if n.startswith(("truncmac.commands.", "truncmac.model."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, errors = train("--out", tmp_path / "run")
    assert code == 2
    assert errors == (
        f"truncmac: Training needs the package torch. Install it with: {install_extra('train')}\n"
    )


@pytest.mark.long
def test_a_run_killed_at_once_goes_on_to_the_same_network(tmp_path):
    """Kill -9 after the first epoch, as a machine that goes down would."""
    command = [Path(sys.executable).with_name("truncmac"), "train", "--network", "mlp"]
    options = ["--epochs", "3", "--device", "cpu", "--out"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, *options, tmp_path / "killed"],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    )
    assert process.stdout.readline().startswith("epoch 1")
    process.kill()
    process.communicate()
    assert not (tmp_path / "killed" / "network.safetensors").exists()
    for more in (["killed", "--resume"], ["whole"]):
        more[0] = tmp_path / more[0]
        subprocess.run(
            [*command, *options, *more], check=True, capture_output=True, env=environment
        )
    ours, theirs = (
        (tmp_path / name / "network.safetensors").read_bytes() for name in ("killed", "whole")
    )
    assert ours == theirs
    assert (tmp_path / "killed" / "log.csv").read_text() == (
        tmp_path / "whole" / "log.csv"
    ).read_text()


def test_a_run_that_has_no_epoch_yet_can_be_resumed(train, monkeypatch, tmp_path):
    def stop(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "train_epoch", stop)
        patched.setattr(
            "sys.argv", ["truncmac", "train", "--network", "mlp", "--out", str(tmp_path)]
        )
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            cli.main()
    options = ["--network", "mlp", "--epochs", 80, "--out", tmp_path, "--resume"]
    monkeypatch.setattr(
        Trainer, "train_epoch", lambda *args: (_ for _ in ()).throw(ValueError("on"))
    )
    code, _, errors = train(*options)
    assert (code, errors.strip()) == (2, "truncmac: on")
