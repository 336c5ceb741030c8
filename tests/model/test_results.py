import json
import random
import re

import numpy as np
import pytest

from truncmac.model.recipes import Recipe
from truncmac.model.results import Results, describe_runs, spread

ABOUT = describe_runs("study", "mlp", "digits", Recipe(epochs=3))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "study.json"


def test_each_run_is_on_disk_as_soon_as_it_is_added(path):
    results = Results(path, ABOUT)
    assert not path.exists()
    results.add("dorefa", 0, {"a": np.array([0.5, 0.25])})
    results.add("dorefa", 1, {"a": [1, 0]})
    whole = json.loads(path.read_text())
    assert whole["recipe"]["epochs"] == 3
    assert "seed" not in whole["recipe"]
    assert set(whole["versions"]) == {"truncmac", "torch", "numpy", "python"}
    assert whole["runs"] == [
        {"name": "dorefa", "seed": 0, "accuracies": {"a": [0.5, 0.25]}},
        {"name": "dorefa", "seed": 1, "accuracies": {"a": [1.0, 0.0]}},
    ]
    again = Results(path, ABOUT, go_on=True)
    assert again.runs == results.runs


def test_only_one_process_writes(path):
    results = Results(path, ABOUT, writes=False)
    results.add("dorefa", 0, {"a": [0.5]})
    assert results.runs
    assert not path.exists()


def test_runs_are_not_written_over(path):
    Results(path, ABOUT).add("dorefa", 0, {"a": [0.5]})
    message = f"{path} exists: go on with --resume, or choose another --out"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Results(path, ABOUT)


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (
            describe_runs("study", "mlp", "digits", Recipe(epochs=4)),
            "recipe.epochs = 3, not 4",
        ),
        (
            describe_runs("study", "cnn", "digits", Recipe(epochs=3)),
            "network = 'mlp', not 'cnn'",
        ),
        (
            describe_runs("trials", "mlp", "digits", Recipe(epochs=3)),
            "kind = 'study', not 'trials'",
        ),
    ],
)
def test_other_runs_are_refused_by_what_differs(path, other, difference):
    Results(path, ABOUT).add("dorefa", 0, {"a": [0.5]})
    message = f"{path}: its runs have {difference}: choose another --out"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Results(path, other, go_on=True)


def test_seed_and_scheme_are_a_runs_own():
    assert (
        describe_runs("study", "mlp", "digits", Recipe(epochs=3, seed=7, scheme="dorefa")) == ABOUT
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is damaged: JSONDecodeError"),
        (b"\xff", "is damaged: UnicodeDecodeError"),
        (b"[]", "is damaged: TypeError"),
        (b"{}", "is damaged: KeyError"),
        (b'{"format": "x", "version": 1}', "is no file of training results of version 1"),
        (b'{"format": "truncmac-training-results", "version": 1, "runs": [1]}', "is damaged"),
    ],
)
def test_damaged_files_are_refused(path, content, message):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {message}"):
        Results(path, ABOUT, go_on=True)


def test_every_changed_bit_is_refused(path):
    results = Results(path, ABOUT)
    results.add("dorefa", 0, {"a": [0.5, 0.25]})
    whole, noise = path.read_bytes(), random.Random(0)
    refused = 0
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << noise.randrange(8)
        path.write_bytes(data)
        try:
            found = Results(path, ABOUT, go_on=True)
        except ValueError as error:
            refused += str(error).startswith(f"{path}: ")
        else:
            assert found.runs == results.runs
    assert refused > 0.8 * len(whole)  # blanks may become other blanks


def test_the_deviation_is_that_of_a_sample_and_one_seed_has_none():
    mean, deviation = spread(np.array([[0.1], [0.3]]))
    assert (mean[0], deviation[0]) == pytest.approx((20, 100 * np.std([0.1, 0.3], ddof=1)))
    mean, deviation = spread(np.array([[0.1]]))
    assert mean == pytest.approx(10)
    assert np.isnan(deviation).all()
