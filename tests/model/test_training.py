from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from tools.train_digits import main
from truncmac.model.checkpoint import new_model
from truncmac.model.images import ArrayImages
from truncmac.model.layers import SwitchableBatchNorm, bit_widths, set_bits
from truncmac.model.processes import Processes
from truncmac.model.quantisers import FLOAT_BITS
from truncmac.model.recipes import RECIPES, Recipe
from truncmac.model.training import (
    JointLoss,
    Trainer,
    accuracy_at,
    calibrate,
    complete,
    logits_of,
    real,
)

RECIPE = Recipe(epochs=4)


def test_the_loss_is_the_sum_over_bit_widths_each_taught_by_the_next_higher(split):
    torch.manual_seed(0)
    images, labels = real(split.train.images[:32]), torch.from_numpy(split.train.labels[:32])
    for teacher in ("distil", "labels"):
        recipe = replace(RECIPE, widths=(2, 8), teacher=teacher)
        model = new_model("mlp", split.shape, recipe)
        loss = JointLoss(model, recipe)(images, labels)
        expected, target = 0.0, labels
        for bits in (FLOAT_BITS, 8, 2):
            set_bits(model, bits)
            logits = model(images)
            expected = expected + nn.functional.cross_entropy(logits, target)
            target = nn.functional.softmax(logits, 1).detach() if teacher == "distil" else labels
        torch.testing.assert_close(loss, expected)


def test_nothing_flows_back_into_the_teacher(split):
    """With the float network's own loss taken out, only its students' gradients are left."""
    recipe = replace(RECIPE, widths=(1,))
    model = new_model("mlp", split.shape, recipe)
    images, labels = real(split.train.images[:32]), torch.from_numpy(split.train.labels[:32])
    JointLoss(model, recipe)(images, labels).backward()
    joint = model.norm1.norms[str(FLOAT_BITS)].weight.grad.clone()
    model.zero_grad()
    set_bits(model, FLOAT_BITS)
    nn.functional.cross_entropy(model(images), labels).backward()
    torch.testing.assert_close(joint, model.norm1.norms[str(FLOAT_BITS)].weight.grad)


@pytest.mark.parametrize(
    ("recipe", "rates"),
    [
        (RECIPES["cifar"], {0: 1e-3, 99: 1e-3, 100: 1e-4, 150: 1e-5, 199: 1e-6}),
        (RECIPES["imagenet"], {0: 0.1, 45: 0.01, 60: 0.001, 79: 0.0001}),
        (Recipe(learning_rate=1.0, epochs=10), {0: 1.0, 5: 0.5}),
    ],
)
def test_the_rate_falls_as_the_recipe_says(recipe, rates):
    assert {epoch: recipe.rate(epoch) for epoch in rates} == pytest.approx(rates)


def test_joint_training_learns_at_every_bit_width(split):
    trainer = Trainer(new_model("mlp", split.shape, RECIPE), split, RECIPE)
    losses = [trainer.train_epoch().loss for _ in range(RECIPE.epochs)]
    assert losses[-1] < 0.6 * losses[0]
    for bits in (*RECIPE.widths, FLOAT_BITS):
        assert accuracy_at(trainer.model, split.test, bits) > 0.8


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_the_same_seed_gives_the_same_model(split, optimiser):
    recipe = replace(RECIPE, optimiser=optimiser, learning_rate=0.01)
    states = []
    for seed in (1, 1, 2):
        mine = replace(recipe, seed=seed)
        trainer = Trainer(new_model("mlp", split.shape, mine), split, mine)
        trainer.train_epoch()
        states.append(trainer.model.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["linear1.weight"], states[2]["linear1.weight"])


@pytest.mark.long
def test_calibrated_widths_work_and_the_others_stay_as_they_are(split):
    trainer = Trainer(new_model("cnn", split.shape, RECIPE), split, RECIPE)
    for _ in range(RECIPE.epochs):
        trainer.train_epoch()
    model = trainer.model
    before = {bits: logits_of(model, split.test, bits) for bits in RECIPE.widths}
    calibrate(model, [3, 5, 6, 7], split.train)
    assert bit_widths(model) == (8, 7, 6, 5, 4, 3, 2, 1)
    for bits, logits in before.items():
        np.testing.assert_array_equal(logits_of(model, split.test, bits), logits)
    for bits in (3, 5, 6, 7):
        assert accuracy_at(model, split.test, bits) > 0.7
    # Batch-norms hold the mean statistics of the training images
    norm = next(m for m in model.modules() if isinstance(m, SwitchableBatchNorm)).norms["5"]
    set_bits(model, 5)
    with torch.no_grad():
        values = model.conv1(real(split.train.images[:1280]))
    torch.testing.assert_close(norm.running_mean, values.mean((0, 2, 3)), rtol=0.05, atol=0.01)


@pytest.mark.parametrize("calibrated", [False, True])
def test_when_training_is_done_statistics_are_those_of_the_weights_as_they_are(split, calibrated):
    recipe = replace(RECIPE, calibrated=calibrated)
    trainer = Trainer(new_model("mlp", split.shape, recipe), split, recipe)
    trainer.train_epoch()
    model = trainer.model
    norm = model.norm1.norms["1"]
    running, gamma = norm.running_mean.clone(), norm.weight.clone()
    complete(model, recipe, split.train)
    assert bit_widths(model) == (8, 7, 6, 5, 4, 3, 2, 1)
    norm = model.norm1.norms["1"]
    assert norm.momentum == 0.1
    assert torch.equal(norm.weight, gamma)
    assert torch.equal(norm.running_mean, running) != calibrated
    if calibrated:
        set_bits(model, 1)
        with torch.no_grad():
            values = model.linear1(model.flatten(real(split.train.images[:1280])))
        torch.testing.assert_close(norm.running_mean, values.mean(0), rtol=0.05, atol=0.02)


def test_of_many_images_those_that_calibrate_are_drawn(split):
    """Folders hold one class after the other: the first images would not do."""
    seen = []

    class Watched(ArrayImages):
        def take(self, indices, rng):
            seen.extend(indices)
            return super().take(indices, rng)

    images = Watched(split.train.images, split.train.labels)
    calibrate(new_model("mlp", split.shape, RECIPE), [3], images, most=100, batch=64)
    assert len(set(seen)) == 100
    assert max(seen) > len(images.labels) / 2


@pytest.mark.long
def test_mixed_precision_trains(split):
    trainer = Trainer(new_model("mlp", split.shape, RECIPE), split, RECIPE, autocast=True)
    losses = [trainer.train_epoch().loss for _ in range(3)]
    assert losses[-1] < losses[0]
    assert all(p.dtype == torch.float32 for p in trainer.model.parameters())


# PyTorch's own compiler makes one
@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiled_training_is_the_same_and_never_falls_back(split, monkeypatch):
    """Five bit-widths, and a smaller last batch: more graphs than PyTorch keeps by default."""
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    monkeypatch.setattr(torch._dynamo.config, "recompile_limit", 8)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    train = replace(split.train, images=split.train.images[:100], labels=split.train.labels[:100])
    losses = []
    for compiled in (False, True):
        model = new_model("mlp", split.shape, RECIPE)
        trainer = Trainer(model, replace(split, train=train), RECIPE, compiled=compiled)
        losses.append(trainer.train_epoch().loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert counters["frames"]["total"] == counters["frames"]["ok"] == 10


def test_processes_share_each_batch_without_overlap(split):
    parts = []
    for rank in range(3):
        trainer = Trainer(new_model("mlp", split.shape, RECIPE), split, RECIPE)
        trainer.processes = Processes(rank, 3)
        parts.append(list(trainer._batches()))
    for together in zip(*parts, strict=True):
        sizes = {len(part) for part in together}
        assert len(sizes) == 1
        everything = np.concatenate(together)
        assert len(np.unique(everything)) == len(everything)


def test_too_few_images_are_refused(split):
    train = replace(split.train, images=split.train.images[:1], labels=split.train.labels[:1])
    trainer = Trainer(new_model("mlp", split.shape, RECIPE), replace(split, train=train), RECIPE)
    message = "^Training images must be at least 2 for each of 1 processes, not 1 in all$"
    with pytest.raises(ValueError, match=message):
        trainer.train_epoch()


def test_a_gpu_computes_in_float32(monkeypatch):
    """Tensor cores' default rounds operands to 11 bits, and the exported codes differ."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert Processes.start("cuda").device.type == "cuda"
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="^Device cuda is asked for, but PyTorch finds no GPU"):
        Processes.start("cuda")
    with pytest.raises(ValueError, match="^Device must be auto, cpu or cuda, not 'tpu'$"):
        Processes.start("tpu")


@pytest.mark.long
def test_too_little_training_writes_nothing(tmp_path):
    out = tmp_path / "digits.safetensors"
    app = __import__("typer").Typer()
    app.command()(main)
    command = ["--epochs", "1", "--out", str(out), "--images-out", str(tmp_path / "i.safetensors")]
    result = CliRunner().invoke(app, command)
    torch.use_deterministic_algorithms(False)
    assert result.exit_code == 1
    assert "Nothing is written" in result.output
    assert not out.exists()
