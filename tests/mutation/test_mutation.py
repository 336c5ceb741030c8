"""A sample of the mutants against the list of survivors, and the list itself."""

import random

import pytest

from .campaign import simulate
from .equivalence import prove
from .mutants import COUNT, SEED, Mutant, list_mutants
from .survivors import Survivor, complaints, read_survivors, write_survivors

SAMPLE = 80
ADVICE = "`python -m tests.mutation` runs all of them, with --write it lists survivors anew"


def test_a_sample_of_mutants_is_killed_or_listed(tmp_path):
    mutants = list_mutants(COUNT, SEED, tmp_path)
    sample = random.Random(1).sample(mutants, SAMPLE)
    alive = simulate(sample, tmp_path, workers=1)
    listed = read_survivors()
    again = [m for m in alive if m.key in listed and listed[m.key].context == "module"]
    again = [m for m in again if listed[m.key].verdict == "equivalent"]
    holds = prove(again, ["module"] * len(again), tmp_path, workers=1)
    proven = dict(zip((m.key for m in again), holds, strict=True))
    wrong = complaints(sample, {m.key for m in alive}, listed, proven, whole=False)
    assert wrong == [], ADVICE
    assert len(alive) < SAMPLE / 4
    assert again


def test_what_is_wrong_of_the_list_is_said():
    mutants = [Mutant(number, "", "m", key) for number, key in enumerate("abcd", start=1)]
    listed = {key: Survivor(key, "equivalent", "module") for key in "bcde"}
    assert complaints(mutants, {"a", "c", "d"}, listed, {"c": True, "d": False}) == [
        "a: lives, and is not listed: a hole in the runs, or a new mutant",
        "b: is listed, and a run kills it: it changes what the core does",
        "d: is listed as equivalent, and its proof fails",
        "e: is listed, and no mutant any more",
    ]
    assert complaints(mutants[2:3], {"c"}, listed, {"c": True}, whole=False) == []


def test_the_list_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "survivors.toml"
    listed = [
        Survivor("a", "equivalent", "module"),
        Survivor("b", "unknown", "whole", 40, "a reason"),
    ]
    write_survivors(listed, path)
    assert list(read_survivors(path).values()) == listed
    path.write_text(path.read_text().replace('"b"', '"a"'))
    with pytest.raises(ValueError, match=r"^a must be in survivors\.toml once, not twice$"):
        read_survivors(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("a", "killed", "module"), "Verdict of a must be equivalent or unknown, not 'killed'"),
        (("a", "equivalent", "row"), "Context of a must be one of "),
        (("a", "unknown", "core"), "a is unknown and must have a reason in survivors.toml"),
    ],
)
def test_an_entry_without_verdict_context_or_reason_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Survivor(*fields)
