"""A sample of the mutants: what no run kills must change nothing. `make mutate` runs them all."""

import pytest

from .campaign import campaign, check_core
from .mutants import CONFIG
from .stimulus import runs

COUNT, SEED = 60, 7


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return campaign(COUNT, SEED, tmp_path_factory.mktemp("mutation"))


def test_most_mutants_die_and_none_that_does_anything_lives(sample):
    assert len(sample.mutants) == COUNT
    assert len(sample.survivors) < COUNT / 5
    assert [(mutant.key, found.frames) for mutant, found in sample.holes] == []


def test_the_first_run_alone_would_not_do(sample):
    kills = list(sample.killed_by.values())
    assert kills[0] > COUNT / 2
    assert sum(kills[1:]) > 0


def test_answers_other_than_goldens_are_refused():
    run = runs(CONFIG)[0]
    with pytest.raises((RuntimeError, ValueError)):
        check_core(run, "0 0\n")
