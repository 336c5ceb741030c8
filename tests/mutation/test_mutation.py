"""A sample of the mutants against the list of survivors, and the list itself."""

import random

import pytest

from tests.mutation.campaign import simulate
from tests.mutation.contexts import UNIT
from tests.mutation.equivalence import prove
from tests.mutation.graph import read_design
from tests.mutation.miter import Miter
from tests.mutation.mutants import COUNT, SEED, Mutant, list_mutants
from tests.mutation.survivors import Survivor, complaints, read_survivors, write_survivors

SAMPLE = 80
QUICKLY_PROVEN = ("truncmac_core.counters", "truncmac_core.sequencer.truncation")  # or not
ADVICE = "`python -m tests.mutation` runs all of them, with --write it lists survivors anew"


@pytest.mark.long
def test_a_sample_of_mutants_is_killed_or_listed(tmp_path):
    mutants = list_mutants(COUNT, SEED, tmp_path)
    sample = random.Random(1).sample(mutants, SAMPLE)
    alive = simulate(sample, tmp_path, workers=1)
    listed = read_survivors()
    again = [m for m in alive if m.key in listed and listed[m.key].context in ("module", "unit")]
    again = [m for m in again if listed[m.key].verdict == "equivalent"]
    holds = prove(again, [listed[m.key].context for m in again], tmp_path, workers=1)
    proven = dict(zip((m.key for m in again), holds, strict=True))
    wrong = complaints(sample, {m.key for m in alive}, listed, proven, whole=False)
    assert wrong == [], ADVICE
    assert len(alive) < SAMPLE / 4
    assert again
    killed = [m for m in sample if m not in alive and m.module.startswith(QUICKLY_PROVEN)]
    assert len(killed) > 6
    assert not any(prove(killed, ["module"] * len(killed), tmp_path, workers=1))
    of_units = [m for m in sample if m not in alive and m.module.startswith(UNIT)][:3]
    assert len(of_units) == 3
    assert not any(prove(of_units, ["unit"] * len(of_units), tmp_path, workers=1))


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


def test_registers_in_another_order_are_matched_by_their_names(tmp_path):
    # Two registers that swap; in the other their order, and what the first is fed with, differ
    texts = {
        "design": "aag 2 0 2 2 0\n2 4\n4 2\n2\n4\nl0 a\nl1 b\n",
        "same": "aag 2 0 2 2 0\n2 4\n4 2\n4\n2\nl0 b\nl1 a\n",
        "other": "aag 2 0 2 2 0\n2 5\n4 2\n4\n2\nl0 b\nl1 a\n",
    }
    designs = {}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        designs[name] = read_design(tmp_path / name)
    assert designs["design"].names == {"a": 0, "b": 1}
    assert Miter(designs["design"], designs["same"]).bad == []
    assert Miter(designs["design"], designs["other"]).differ == [1]


def test_the_last_cycle_of_a_search_says_which_registers_differ(tmp_path):
    # A counter of two bits; the other's second bit, a word of its own, is never set
    gates = "8 4 6\n10 5 7\n12 9 11\n"
    head = "aag 6 1 2 1 3\n2\n4 5\n"
    (tmp_path / "design").write_text(f"{head}6 12\n6\n{gates}l0 low[0]\nl1 high[0]\n")
    (tmp_path / "other").write_text(f"{head}6 0\n6\n{gates}l0 low[0]\nl1 high[0]\n")
    design, other = read_design(tmp_path / "design"), read_design(tmp_path / "other")
    miter = Miter(design, other)
    assert miter.differ == [1]
    assert miter.wrong(["0", "0"]) == [0]
    assert miter.wrong(["0"]) == []
    assert miter.registers([0]) == [1]
    assert Miter(design, other, [1]).wrong(["0", "0", "0"]) == [0]  # now it is the output
