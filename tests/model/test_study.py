import numpy as np
import pytest
import torch

from truncmac.model.data import digits
from truncmac.model.recipes import Recipe
from truncmac.model.results import Results
from truncmac.model.study import SCENARIOS, Study, plot, study

SEEDS = [0, 1, 2]


def studied(model, epochs, seeds):
    torch.set_num_threads(1)
    seen, results = [], Results(None, {})
    recipe = Recipe(epochs=epochs)
    found = study(model, digits(), recipe, seeds, results, on_epoch=lambda *done: seen.append(done))
    assert len(seen) == 2 * epochs * len(seeds)
    assert set(results.runs) == {(how, seed) for how in ("dorefa", "truncquant") for seed in seeds}
    assert list(found.accuracies) == [scenario.name for scenario in SCENARIOS]
    return found


def test_a_study_measures_two_trainings_in_each_scenario():
    result = studied("mlp", 1, [0])
    for rows in result.accuracies.values():
        assert rows.shape == (1, 8)
    # One threshold, 1/2, is all that k = 1 has: there rounding and truncation are the same
    one = {name: rows[0, 0] for name, rows in result.accuracies.items()}
    assert one["Quant -> Trunc"] == one["Quant -> Quant"]


@pytest.mark.long
def test_rounded_training_collapses_at_2_bits_when_truncated():
    """What the paper shows on CIFAR-10, small; one seed alone may hardly fall."""
    result = studied("cnn", 12, SEEDS)
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
