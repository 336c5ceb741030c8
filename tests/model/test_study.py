import numpy as np
import pytest
import torch

from truncmac.model.data import digits
from truncmac.model.recipes import Recipe
from truncmac.model.results import Results
from truncmac.model.study import SETTINGS, Study, plot, study


@pytest.fixture(scope="module")
def result():
    torch.set_num_threads(1)
    seen = []
    recipe = Recipe(epochs=12)
    results = Results(None, {})
    found = study("cnn", digits(), recipe, [0], results, on_epoch=lambda *done: seen.append(done))
    assert len(seen) == 2 * 12
    assert set(results.runs) == {("dorefa", 0), ("truncquant", 0)}
    return found


def test_rounded_training_collapses_at_2_bits_when_truncated(result):
    """What the paper shows on CIFAR-10, in seconds; by how much hangs on the CPU."""
    accuracies = {
        name: dict(zip(range(1, 9), v[0], strict=True)) for name, v in result.accuracies.items()
    }
    assert list(accuracies) == [setting.name for setting in SETTINGS]
    assert accuracies["Quant -> Trunc"][2] < accuracies["Quant -> Quant"][2]
    assert accuracies["TruncQuant -> Trunc"][2] > accuracies["Quant -> Trunc"][2]
    # Much of it is in the batch-norms: with statistics of the truncated weights it comes back
    assert accuracies["Quant -> Trunc, calibrated"][2] > accuracies["Quant -> Trunc"][2]
    # One threshold, 1/2, is all that k = 1 has: there the two are the same
    assert accuracies["Quant -> Trunc"][1] == accuracies["Quant -> Quant"][1]


def test_the_plot_is_written(tmp_path):
    values = {setting.name: np.full((2, 8), 0.9) for setting in SETTINGS}
    plot(Study("digits", "cnn", (1, 2, 4, 8), values), tmp_path / "new" / "study.svg")
    assert (tmp_path / "new" / "study.svg").read_text().startswith("<?xml")
