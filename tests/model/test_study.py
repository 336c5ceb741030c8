import numpy as np
import pytest
import torch

from truncmac.model.data import digits
from truncmac.model.recipes import Recipe
from truncmac.model.results import Results
from truncmac.model.study import SCENARIOS, Study, plot, study

SEEDS = [0, 1, 2]


@pytest.fixture(scope="module")
def result():
    torch.set_num_threads(1)
    seen = []
    recipe = Recipe(epochs=12)
    results = Results(None, {})
    found = study("cnn", digits(), recipe, SEEDS, results, on_epoch=lambda *done: seen.append(done))
    assert len(seen) == 2 * 12 * len(SEEDS)
    assert set(results.runs) == {(how, s) for how in ("dorefa", "truncquant") for s in SEEDS}
    return found


def test_rounded_training_collapses_at_2_bits_when_truncated(result):
    """What the paper shows on CIFAR-10, small; one seed alone may hardly fall."""
    assert list(result.accuracies) == [scenario.name for scenario in SCENARIOS]
    means = {
        name: dict(zip(range(1, 9), np.mean(rows, axis=0), strict=True))
        for name, rows in result.accuracies.items()
    }
    assert means["Quant -> Trunc"][2] < means["Quant -> Quant"][2] - 0.05
    assert means["TruncQuant -> Trunc"][2] > means["Quant -> Trunc"][2] + 0.05
    # Much of it is in the batch-norms: with statistics of the truncated weights it comes back
    assert means["Quant -> Trunc, calibrated"][2] > means["Quant -> Trunc"][2] + 0.02
    # One threshold, 1/2, is all that k = 1 has: there the two are the same
    assert means["Quant -> Trunc"][1] == means["Quant -> Quant"][1]


def test_the_plot_is_written(tmp_path):
    values = {scenario.name: np.full((2, 8), 0.9) for scenario in SCENARIOS}
    plot(Study("digits", "cnn", (1, 2, 4, 8), values), tmp_path / "new" / "study.svg")
    assert (tmp_path / "new" / "study.svg").read_text().startswith("<?xml")
