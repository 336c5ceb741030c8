"""What a network's maps do: as few as can be go to memory."""

import pytest

from tests.sim.npu.networks import resident_plan, small_memory
from tests.sim.npu.test_actions import ARRAY, codes_network, conv
from truncmac.descriptors import Operation
from truncmac.golden import MaxPool, Setting, builtin_network
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.plan import NoRoomError
from truncmac.sim.npu.planning import machine_of
from truncmac.sim.npu.stimulus import random_network


def plan_of(network, depth, groups=3):
    config = NpuConfig(array=ARRAY, depth=depth, groups=groups)
    return compile_network(network, config, [Setting("8", 8)]).plan


def layers_of(plan):
    return [[step.name for step in segment.run.steps] for segment in plan.segments]


# Of 32 x 16 pixels a map of 4 channels is 256 words of 4 banks of 2 codes, the image is 128
BLOCK = [conv("a", "image"), conv("b", "a", residual="image"), MaxPool("p", "b", (4, 4), (4, 4))]


def test_all_maps_stay_on_chip_if_they_can():
    network, config = codes_network(BLOCK, image=(4, 32, 16)), NpuConfig(array=ARRAY, depth=256)
    plan = resident_plan(network, config)
    assert (plan.bands, plan.spilled) == (0, ())
    assert layers_of(plan) == [["image"], ["a"], ["b"], ["p"], ["p"]]
    assert set(plan.places) == {"image", "a", "b", "p"}
    # By bands the image is there sooner, at least by estimate
    chosen = compile_network(network, config, [Setting("8", 8)]).plan
    assert sum(chosen.cycles) <= sum(plan.cycles)


def test_an_image_comes_by_bands_beside_the_first_layer():
    plan = compile_network(builtin_network(), NpuConfig(), [Setting("8", 8)]).plan
    assert plan.spilled == ()
    first = plan.segments[0]
    assert first.loads_beside and len(first.bands) > 1 and first.run.loaded == ("image",)
    assert not any(segment.run.loaded for segment in plan.segments[1:])


def test_layers_are_done_together_where_that_takes_fewer_cycles_than_to_spill():
    plan = plan_of(codes_network(BLOCK, image=(4, 32, 16)), 128)
    assert plan.bands > 1
    together = [segment for segment in plan.segments if len(segment.run.steps) > 1]
    assert together
    inner = {name for segment in together for name in segment.run.made[:-1]}
    assert inner - set(plan.spilled) - set(plan.places)


def test_small_maps_stay_on_chip_while_large_ones_do_not():
    layers = [*BLOCK, conv("c", "p"), conv("d", "c", residual="p")]
    plan = plan_of(codes_network(layers, image=(4, 32, 16)), 128)
    assert {"p", "c", "d"} <= set(plan.places)
    assert layers_of(plan)[-3:] == [["c"], ["d"], ["d"]]


def check(compiled):
    """All segments' buffers lie within the memory, and apart while they are needed."""
    plan, machine = compiled.plan, machine_of(compiled.config)
    steps = [step for segment in plan.segments for step in segment.run.steps]
    ends = Operation.LOAD, Operation.STORE
    assert [step for step in steps if step.operation not in ends] == [
        step for step in plan.steps.steps if step.operation not in ends
    ]
    stored, made = set(), set()
    for number, segment in enumerate(plan.segments):
        run = segment.run
        # What it loads was stored before, what it finds on chip was made before
        assert set(run.loaded) <= stored | {"image"}
        assert (run.resident - set(run.made)) <= made
        stored |= set(run.stored)
        made |= set(run.made) & run.resident
        for name in run.shapes:
            for key in segment.keys(name, number):
                group, base = plan.spots[key]
                assert 0 <= group < machine.groups
                assert base + segment.words(name, machine) <= machine.depth
        for step in run.steps:
            for name in (step.target, step.residual):
                if step.source is None or name is None:
                    continue
                for band in range(len(segment.bands)):
                    one, other = (segment.key(n, number, band) for n in (step.source, name))
                    assert plan.spots[one][0] != plan.spots[other][0]


@pytest.mark.parametrize("seed", range(24))
def test_plans_of_random_networks(seed):
    network = random_network(seed)
    config = small_memory(network, seed)
    try:
        compiled = compile_network(network, config, [Setting("8", 8), Setting("2", 2)])
    except NoRoomError:
        return
    check(compiled)
    assert len(compiled.plan.cycles) == 2
    assert compiled.plan.cycles[0] >= compiled.plan.cycles[1]


def test_a_linear_layer_whose_map_does_not_fit_is_refused():
    with pytest.raises(NoRoomError, match=r"Layer 'p' does not fit.*need 128 for 'image', 2 for"):
        plan_of(codes_network([MaxPool("p", "image", (16, 16), (16, 16))], image=(4, 16, 16)), 127)
    plan_of(codes_network([MaxPool("p", "image", (16, 16), (16, 16))], image=(4, 16, 16)), 128)
