import json

import pytest


@pytest.mark.parametrize("kind", ["study", "trials"])
def test_many_runs_print_draw_and_go_on(train, kind, tmp_path):
    options = ["--network", "mlp", "--epochs", 1, f"--{kind}", "--changes", "centred"]
    options += ["--out", tmp_path]
    code, text, _ = train(*options, "--seeds", 1)
    assert code == 0
    assert "seed 0, epoch 1" in text
    before = json.loads((tmp_path / f"{kind}.json").read_text())["runs"]
    assert (tmp_path / "study.svg").exists() == (kind == "study")
    code, _, errors = train(*options)
    assert code == 2
    assert "exists: go on with --resume, or choose another --out" in errors
    code, text, _ = train(*options, "--seeds", 2, "--resume")
    assert code == 0
    assert "2 seeds" in text
    assert "+-" in text
    after = json.loads((tmp_path / f"{kind}.json").read_text())["runs"]
    assert all(one in after for one in before)
    assert len(after) > len(before)
    code, text, errors = train(*options, "--seeds", 2, "--resume", "--json")
    assert (code, "Written: " in errors) == (0, True)
    found = json.loads(text)
    if kind == "study":
        name = "TruncQuant -> Trunc"
        shares = [one["accuracies"][name] for one in after if one["name"] == "truncquant"]
        assert (found["seeds"], found["accuracies"][name]["1"]) == ([0, 1], [s[0] for s in shares])
    else:
        shares = [one["accuracies"]["calibrated"] for one in after if one["name"] == "centred"]
        assert found["held_out"]["centred"]["8"] == [one[0] for one in shares]
        assert list(found["held_out"]) == ["none", "centred", "none, not calibrated"]
        assert set(found["test"]) <= set(found["held_out"])


def test_a_study_and_trials_at_once_are_refused(train, tmp_path):
    code, _, errors = train("--study", "--trials", "--out", tmp_path)
    assert (code, errors.strip()) == (2, "truncmac: Choose one of --study and --trials")
