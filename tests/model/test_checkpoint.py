import json
import random
import re
from dataclasses import asdict, replace
from functools import partial

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from truncmac.model.checkpoint import (
    CheckpointError,
    load_checkpoint,
    new_model,
    resume,
    save_checkpoint,
)
from truncmac.model.layers import TruncLinear
from truncmac.model.recipes import Recipe
from truncmac.model.training import Trainer

RECIPE = Recipe(epochs=3)


def fresh(split, recipe=RECIPE):
    return Trainer(new_model("mlp", split.shape, recipe), split, recipe)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_run_that_is_killed_and_resumed_ends_as_one_that_is_not(split, tmp_path, optimiser):
    recipe = replace(RECIPE, optimiser=optimiser, learning_rate=0.01)
    whole = fresh(split, recipe)
    for _ in range(3):
        whole.train_epoch()
    first = fresh(split, recipe)
    first.train_epoch()
    save_checkpoint(tmp_path / "c.safetensors", first, "mlp")

    class KilledError(Exception):
        pass

    def kill(done, count):
        if done == 5:
            raise KilledError

    with pytest.raises(KilledError):
        first.train_epoch(kill)
    second = fresh(split, recipe)
    resume(second, load_checkpoint(tmp_path / "c.safetensors"))
    assert second.epoch == 1
    for _ in range(2):
        second.train_epoch()
    ours, theirs = second.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert second.history == whole.history


def test_the_model_of_a_checkpoint_is_the_trained_one(split, tmp_path):
    trainer = fresh(split)
    trainer.train_epoch()
    save_checkpoint(tmp_path / "c.safetensors", trainer, "mlp")
    checkpoint = load_checkpoint(tmp_path / "c.safetensors")
    state = checkpoint.model().state_dict()
    assert all(torch.equal(state[k], v) for k, v in trainer.model.state_dict().items())
    assert checkpoint.recipe == RECIPE
    assert checkpoint.shape == split.shape


@pytest.fixture(scope="module")
def saved(split, tmp_path_factory):
    trainer = fresh(split)
    trainer.train_epoch()
    path = tmp_path_factory.mktemp("checkpoint") / "c.safetensors"
    save_checkpoint(path, trainer, "mlp")
    return path


def damaged(saved, tmp_path, change, tensors=lambda tensors: None):
    checkpoint = load_checkpoint(saved)
    found = dict(checkpoint.tensors)
    tensors(found)
    with saved.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        about = json.loads(json.loads(file.read(size))["__metadata__"]["truncmac"])
    del about["sha256"]  # as of a file that someone else made
    change(about)
    path = tmp_path / "damaged.safetensors"
    save_file(found, path, {"truncmac": json.dumps(about)})
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda about: about.update(format="other"), "is no checkpoint of a training run"),
        (lambda about: about.update(version=2), "has version 2; this package reads 1"),
        (lambda about: about.pop("recipe"), "its description is damaged: it differs in recipe"),
        (lambda about: about.update(more=1), "its description is damaged: it differs in more"),
        (lambda about: about["recipe"].update(extra=1), "its description is damaged: TypeError"),
    ],
)
def test_damaged_descriptions_are_refused(saved, tmp_path, change, reason):
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(damaged(saved, tmp_path, change))


def test_all_entries_that_differ_are_named_in_order(saved, tmp_path):
    def change(about):
        del about["recipe"], about["epoch"]
        about |= {"more": 1, "also": 2, "z": 3}

    path = damaged(saved, tmp_path, change)
    message = f"{path}: its description is damaged: it differs in also, epoch, more, recipe, z"
    with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
        load_checkpoint(path)


def test_names_types_and_shapes_of_tensors_have_their_part_in_the_sha256(saved, tmp_path):
    """The bytes are the same, in the same order of names."""
    name = "model.linear1.weight"
    tensors = load_checkpoint(saved).tensors
    with safe_open(saved, "pt") as file:
        about = file.metadata()
    path = tmp_path / "changed.safetensors"
    save_file(tensors, path, about)
    assert load_checkpoint(path).tensors.keys() == tensors.keys()
    rest = {key: value for key, value in tensors.items() if key != name}
    for changed in (
        {f"{name}s": tensors[name]},
        {name: tensors[name].view(torch.int32)},
        {name: tensors[name].reshape(-1)},
    ):
        save_file(rest | changed, path, about)
        message = f"{path}: is damaged: its content has another SHA-256"
        with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
            load_checkpoint(path)


def test_tensors_that_are_not_finite_are_refused_by_name(saved, tmp_path):
    def spoil(tensors):
        tensors["model.linear1.weight"] = tensors["model.linear1.weight"] * float("nan")

    path = damaged(saved, tmp_path, lambda about: None, spoil)
    with pytest.raises(CheckpointError, match="tensor 'model.linear1.weight' must be finite"):
        load_checkpoint(path)


def test_tensors_of_another_network_are_refused(saved, tmp_path):
    path = damaged(saved, tmp_path, lambda about: about.update(network="cnn"))
    with pytest.raises(CheckpointError, match="^Checkpoint does not fit cnn"):
        load_checkpoint(path).model()


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about["shape"].update(classes=10**12),
        lambda about: about["shape"].update(height=10**30),
        lambda about: about["shape"].update(channels=-1),
        lambda about: about["shape"].update(width="8"),
        lambda about: about["recipe"].update(act_bits="4"),
        lambda about: about["recipe"].update(widths=["8"]),
        lambda about: about["recipe"].update(seed="x"),
        lambda about: about.update(network="lenet"),
    ],
)
def test_shapes_and_recipes_that_cannot_be_are_refused_without_memory(saved, tmp_path, change):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        load_checkpoint(damaged(saved, tmp_path, change)).model()


def test_deeply_nested_descriptions_are_refused(saved, tmp_path):
    path = tmp_path / "deep.safetensors"
    save_file(load_checkpoint(saved).tensors, path, {"truncmac": "[" * 100_000})
    with pytest.raises(CheckpointError, match="its description is damaged"):
        load_checkpoint(path)


def test_every_changed_bit_is_refused(saved, tmp_path):
    """Of 300 flips, anywhere: never is another state read without a word."""
    noise, path, whole = random.Random(0), tmp_path / "flipped.safetensors", saved.read_bytes()
    before = load_checkpoint(saved)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        data[noise.randrange(len(data))] ^= 1 << noise.randrange(8)
        path.write_bytes(data)
        try:
            found = load_checkpoint(path)
        except CheckpointError as error:
            refused += str(error).startswith(f"{path}: ")
        else:
            assert asdict(replace(found, tensors={})) == asdict(replace(before, tensors={}))
            assert all(torch.equal(found.tensors[k], v) for k, v in before.tensors.items())
    assert refused >= 295  # but for blanks that pad the header


def test_files_that_are_not_whole_are_refused(saved, tmp_path):
    path = tmp_path / "part.safetensors"
    path.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        load_checkpoint(path)
    with pytest.raises(CheckpointError, match="no such file"):
        load_checkpoint(tmp_path / "none")


def test_a_checkpoint_of_another_run_is_refused(saved, split):
    trainer = fresh(split, replace(RECIPE, act_bits=2))
    with pytest.raises(CheckpointError, match="^Checkpoint has act_bits = 4, this run 2$"):
        resume(trainer, load_checkpoint(saved))


@pytest.mark.parametrize("size", [1, 4096])
def test_sides_of_images_are_of_1_to_4096(saved, tmp_path, size):
    shape = {"channels": 1, "height": size, "width": 1, "classes": 2}
    path = damaged(saved, tmp_path, lambda about: about.update(shape=shape))
    assert load_checkpoint(path).shape.height == size
    for wrong in (0, 4097, -1, True, "8", 2.0):
        wrong_shape = shape | {"height": wrong}
        path = damaged(saved, tmp_path, partial(dict.update, shape=wrong_shape))
        message = f"{path}: sizes of its images must be in 1..4096"
        with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
            load_checkpoint(path)


def test_a_file_of_tensors_alone_is_no_checkpoint(saved, tmp_path):
    path = tmp_path / "a.safetensors"
    for metadata in (None, {"other": "{}"}):
        save_file(load_checkpoint(saved).tensors, path, metadata)
        message = f"{path}: is no checkpoint of a training run"
        with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
            load_checkpoint(path)


def test_one_number_that_is_not_finite_is_enough(saved, tmp_path):
    def spoil(tensors):
        tensors["model.linear1.weight"][0, 0] = float("inf")

    path = damaged(saved, tmp_path, lambda about: None, spoil)
    with pytest.raises(CheckpointError, match="tensor 'model.linear1.weight' must be finite"):
        load_checkpoint(path)


def test_what_a_checkpoint_says_is_what_was_saved(saved, split):
    with saved.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        about = json.loads(json.loads(file.read(size))["__metadata__"]["truncmac"])
    assert (about["format"], about["version"]) == ("truncmac-checkpoint", 1)
    checkpoint = load_checkpoint(saved)
    assert (checkpoint.network, checkpoint.dataset, checkpoint.epoch) == ("mlp", split.name, 1)
    assert [log.epoch for log in checkpoint.history] == [0]
    assert not checkpoint.model().training


def test_a_network_that_does_not_fit_says_why_in_300_characters(saved, tmp_path):
    path = damaged(saved, tmp_path, lambda about: about.update(network="cnn"))
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path).model()
    start = "Checkpoint does not fit cnn: "
    assert str(error.value).startswith(start)
    assert len(str(error.value)) == len(start) + 300


@pytest.mark.parametrize(("scheme", "centred"), [("dorefa", True), ("dorefa_truncated", False)])
def test_a_new_model_is_as_its_recipe_says(split, scheme, centred):
    recipe = replace(RECIPE, scheme=scheme, centred=centred, widths=(8, 2), act_bits=3, seed=5)
    model, again = (new_model("mlp", split.shape, recipe) for _ in range(2))
    layers = [module for module in model.modules() if isinstance(module, TruncLinear)]
    assert layers and all((m.scheme, m.centred) == (scheme, centred) for m in layers)
    assert set(model.norm1.norms) == {"8", "2", "32"} and model.act1.act_bits == 3
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    other = new_model("mlp", split.shape, replace(recipe, seed=6))
    assert not torch.equal(other.linear1.weight, model.linear1.weight)


def test_a_checkpoint_of_other_images_is_refused(saved, split):
    trainer = fresh(replace(split, name="other"))
    message = f"Checkpoint is of data set {split.name}, not other"
    with pytest.raises(CheckpointError, match=f"^{re.escape(message)}$"):
        resume(trainer, load_checkpoint(saved))


def test_a_run_that_is_resumed_has_all_that_the_other_had(saved, split):
    trainer, checkpoint = fresh(split), load_checkpoint(saved)
    resume(trainer, checkpoint)
    assert (trainer.epoch, tuple(trainer.history)) == (1, checkpoint.history)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, checkpoint.tensors[f"model.{name}"])
    found = {
        f"optimiser.{index}.{name}"
        for index, values in trainer.optimiser.state_dict()["state"].items()
        for name in values
    }
    assert found == {name for name in checkpoint.tensors if name.startswith("optimiser.")} != set()
