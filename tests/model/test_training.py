import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from truncmac.model.data import digits
from truncmac.model.layers import set_bits
from truncmac.model.networks import DigitsNet
from truncmac.model.quantisers import FLOAT_BITS
from truncmac.model.train import main
from truncmac.model.training import Recipe, batches, joint_step, train


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_digits_are_split_once_and_for_all():
    split = digits()
    assert split.train_images.shape == (1347, 1, 8, 8)
    assert split.test_images.shape == (450, 1, 8, 8)
    assert split.train_images.max() == 255
    np.testing.assert_array_equal(split.test_labels, digits().test_labels)
    assert np.bincount(split.test_labels).min() >= 43


def test_images_move_by_at_most_a_pixel():
    split = digits()
    rng = np.random.default_rng(0)
    images, labels = next(batches(split, Recipe(batch=1347, shift=0), rng))
    order = np.random.default_rng(0).permutation(1347)
    np.testing.assert_array_equal(np.rint(images.numpy() * 255), split.train_images[order])
    np.testing.assert_array_equal(labels, split.train_labels[order])
    moved, _ = next(batches(split, Recipe(batch=1347, shift=1), np.random.default_rng(0)))
    assert (moved.sum(dim=(1, 2, 3)) <= images.sum(dim=(1, 2, 3)) + 1e-4).all()


def test_each_bit_width_is_taught_by_the_next_higher():
    torch.manual_seed(0)
    model = DigitsNet(channels=4)
    images, labels = torch.rand(8, 1, 8, 8), torch.arange(8)
    joint_step(model, (8, 1), images, labels)
    grads = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    torch.manual_seed(0)
    again = DigitsNet(channels=4)
    set_bits(again, FLOAT_BITS)
    first = again(images)
    torch.nn.functional.cross_entropy(first, labels).backward()
    set_bits(again, 8)
    second = again(images)
    torch.nn.functional.cross_entropy(second, first.detach().softmax(1)).backward()
    set_bits(again, 1)
    torch.nn.functional.cross_entropy(again(images), second.detach().softmax(1)).backward()
    for ours, theirs in zip(
        grads, [p.grad for p in again.parameters() if p.grad is not None], strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_the_seed_decides_every_bit():
    split = digits()
    small = type(split)(
        split.train_images[:128], split.train_labels[:128], split.test_images, split.test_labels
    )
    states = [train(small, Recipe(epochs=2)).state_dict() for _ in range(2)]
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    assert states[0]["conv2.weight"].abs().sum() > 0


def test_a_network_below_the_floors_is_not_written(tmp_path):
    import typer

    app = typer.Typer()
    app.command()(main)
    out, images = tmp_path / "n.safetensors", tmp_path / "i.safetensors"
    result = CliRunner().invoke(
        app, ["--epochs", "1", "--out", str(out), "--images-out", str(images)]
    )
    assert result.exit_code == 1
    assert "Nothing is written" in result.output
    assert list(tmp_path.iterdir()) == []
