"""Maps that are needed at once do not share words, and no bank is asked for two things."""

import pytest

from tests.sim.npu.networks import CONFIGS, resident_plan
from truncmac.golden import builtin_network, example_network
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.stimulus import random_network


def lives(steps):
    """Steps in which each map is written and last read."""
    first, last = {}, {}
    for number, step in enumerate(steps.steps):
        if step.target is not None:
            first[step.target] = last[step.target] = number
        for name in step.reads:
            last[name] = number
    return {name: (first[name], last[name]) for name in first}


def check(plan):
    machine, steps, places = plan.machine, plan.steps, plan.places
    life = lives(steps)
    words = {
        name: set(range(place.base, place.base + place.words(steps.maps[name], machine)))
        for name, place in places.items()
    }
    for name, place in places.items():
        assert max(words[name]) < machine.depth
        for other, theirs in places.items():
            if other == name or place.group != theirs.group or not words[name] & words[other]:
                continue
            (begin, end), (start, stop) = life[name], life[other]
            if end < start or stop < begin:
                continue
            # The only maps that may share words meet in one step: a residual and its result
            step = steps.steps[max(begin, start)]
            assert {step.target, step.residual} == {name, other}
            assert place == theirs
            assert min(end, stop) == max(begin, start)
    for step in steps.steps:
        if step.source is not None:
            others = {places[name].group for name in (step.target, step.residual) if name}
            assert places[step.source].group not in others


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed):
    network = random_network(seed)
    check(resident_plan(network, CONFIGS[seed % len(CONFIGS)]))


def test_known_networks():
    for network in (builtin_network(), example_network("resnet20")):
        check(resident_plan(network, NpuConfig()))


def test_a_residual_block_fits_three_groups_and_works_in_place():
    plan = resident_plan(example_network("resnet20"), NpuConfig())
    places = plan.places
    assert {place.group for place in places.values()} <= {0, 1, 2}
    in_place = [
        step.name
        for step in plan.steps.steps
        if step.residual is not None and places[step.target] == places[step.residual]
    ]
    assert len(in_place) >= 5


def test_the_smallest_memory_of_a_network_is_found():
    """Maps of 32 x 32 x 16 codes are 256 words of 8 banks of 8 codes; one fits a group of that."""
    network = example_network("resnet20")
    for depth in (256, 512):
        plan = resident_plan(network, NpuConfig(depth=depth))
        assert (plan.bands, plan.spilled) == (0, ())
    assert resident_plan(network, NpuConfig(depth=255)) is None


def test_maps_of_a_group_lie_beside_each_other():
    """With groups of two maps' words, both maps that a later layer adds may be in one."""
    array = ArrayConfig(rows=16, cols=16)
    check(resident_plan(example_network("resnet20"), NpuConfig(array=array, depth=256)))
