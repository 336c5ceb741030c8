import numpy as np
import pytest

from truncmac.model import trials as module
from truncmac.model.recipes import Recipe
from truncmac.model.results import Results
from truncmac.model.trials import BASELINE, TRIALS, Trials

CHANGES = {BASELINE: {}, "two widths": {"widths": (8, 1)}}
RECIPE = Recipe(epochs=2)


def started(split, results=None, changes=CHANGES, **options):
    return Trials("mlp", split, RECIPE, results or Results(None, {}), changes, **options)


def test_changes_are_measured_on_held_out_images_and_judged_on_the_test(split, monkeypatch):
    seen = []
    measured = module.accuracy_at

    def accuracy_at(model, images, bits):
        seen.append(images)
        return measured(model, images, bits)

    monkeypatch.setattr(module, "accuracy_at", accuracy_at)
    trials = started(split)
    trials.try_out([0, 1])
    assert len(seen) == 2 * 2 * 8
    assert all(images.whole is split.train for images in seen)
    # The seed chooses the images, the same for each change
    np.testing.assert_array_equal(seen[0].chosen, seen[8].chosen)
    assert (seen[0].chosen != seen[16].chosen).any()
    assert trials.shares(BASELINE, [0, 1]).shape == (2, 4)
    seen.clear()
    assert trials.judge("two widths", [0]).shape == (1, 4)
    assert all(images is split.test for images in seen)
    # Other seeds than those that led to the choice
    assert set(trials.results.runs) == {
        *((name, seed) for name in CHANGES for seed in (0, 1)),
        ("two widths, judged", 1000),
    }


@pytest.mark.long
def test_finished_runs_are_not_run_again(split, tmp_path):
    class KilledError(Exception):
        pass

    def kill(name, seed, epoch):
        if (name, epoch) == ("two widths", 1):
            raise KilledError

    path = tmp_path / "trials.json"
    with pytest.raises(KilledError):
        started(split, Results(path, {}), on_epoch=kill).try_out([0])
    seen = []
    again = started(split, Results(path, {}, go_on=True), on_epoch=lambda *run: seen.append(run))
    again.try_out([0])
    assert seen == [(BASELINE, 0, 2), ("two widths", 0, 1), ("two widths", 0, 2)]
    whole = started(split)
    whole.try_out([0])
    assert again.results.runs == whole.results.runs


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"a": [0.9, 0.9, 0.9, 0.81], "b": [0.9, 0.9, 0.9, 0.83]}, "b"),
        ({"a": [0.9, 0.9, 0.9, 0.81], "b": [0.9, 0.89, 0.9, 0.83]}, "a"),  # b loses at 4 bits
        ({"a": [0.9, 0.9, 0.9, 0.79]}, BASELINE),
    ],
)
def test_the_best_gains_at_1_bit_and_loses_nowhere_else(split, shares, expected):
    results = Results(None, {})
    for name, values in {BASELINE: [0.9, 0.9, 0.9, 0.8], **shares}.items():
        results.add(name, 0, {"calibrated": values})
    changes = {name: {} for name in (BASELINE, *shares)}
    assert started(split, results, changes).best([0]) == expected


@pytest.mark.parametrize("name", TRIALS)
def test_every_change_trains_and_can_be_deployed(split, name):
    trials = started(split, changes={name: TRIALS[name]})
    trials.try_out([0])
    assert np.isfinite(trials.shares(name, [0])).all()
