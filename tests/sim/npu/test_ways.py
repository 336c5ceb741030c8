"""Of the ways to do a run the one of the fewest cycles that fits is taken."""

import pytest

from tests.sim.npu.test_actions import ARRAY, codes_network, conv
from truncmac.golden import MaxPool
from truncmac.hw.npu.config import NpuConfig
from truncmac.integers import ceil_div
from truncmac.sim.npu.bands import Run, pad_of
from truncmac.sim.npu.estimate import Estimate
from truncmac.sim.npu.layouts import choose_layouts
from truncmac.sim.npu.planning import machine_of
from truncmac.sim.npu.steps import network_steps
from truncmac.sim.npu.ways import Ways, _largest


def ways_of(network, depth=64):
    steps = network_steps(network)
    config = NpuConfig(array=ARRAY, depth=depth)
    machine = machine_of(config)
    names = {layer.name: (8, 8) for layer in network.products}
    layouts = choose_layouts(steps, machine)
    ways = Ways(layouts, steps.steps[0], machine, Estimate(config, machine, [names]))
    return ways, steps


def run_of(steps, *names, loaded, stored=(), resident=()):
    every = [step for step in steps.steps if step.source and step.target]
    chosen = tuple(step for step in every if step.name in names)
    maps = [*loaded, *resident, *(step.target for step in chosen)]
    shapes = {name: steps.maps[name] for name in dict.fromkeys(maps)}
    return Run(chosen, loaded, stored, frozenset(resident), shapes)


LAYERS = [conv("a", "image"), conv("b", "a"), MaxPool("p", "b", (2, 2), (2, 2))]


def test_bands_are_as_high_as_the_memory_lets_them_be():
    """Of the image a row of 8 pixels of 2 channels is 2 words of 4 banks; of the others 4."""
    ways, steps = ways_of(codes_network(LAYERS, image=(2, 64, 8)), depth=32)
    run = run_of(steps, "a", loaded=("image",), stored=("a",))
    for others, most in (((), 8), ((16, 16, 16), 4), ((31, 31, 31), 0)):
        found = ways.best(run, others)
        if not most:
            assert found is None
            continue
        rows = max(end - begin for begin, end in (band.rows["a"] for band in found[1].bands))
        assert 1 <= rows <= most
        assert found[1].loads_beside or found[1].stores_beside
        # No way with more rows at a time, and nothing beside, takes fewer cycles
        plain = ways._priced(ways._segment(run, found[1].layouts, (False, False), rows))
        assert found[0] < plain[0]


def test_a_run_that_fits_by_a_row_is_possible():
    ways, steps = ways_of(codes_network(LAYERS, image=(2, 64, 8)), depth=16)
    run = run_of(steps, "a", "b", "p", loaded=("image",), stored=("p",))
    assert ways.possible(run_of(steps, "a", loaded=("image",), stored=("a",)))
    # Two rows of b need four of a
    assert ways.possible(run)
    assert ways.least(run)["a"] == 16
    # Two rows of 16 pixels of a and b need as many words again
    ways, steps = ways_of(codes_network(LAYERS, image=(2, 64, 16)), depth=16)
    run = run_of(steps, "a", "b", "p", loaded=("image",), stored=("p",))
    assert ways.least(run)["a"] == 32
    assert not ways.possible(run)


@pytest.mark.parametrize("most", range(1, 20))
def test_the_largest_height_is_found(most):
    for limit in range(most + 3):
        assert _largest(most, lambda height, limit=limit: height <= limit) == min(most, limit)


def test_descriptors_hold_the_pads_of_all_bands():
    """Tiles of one column make rows of blocks of 32 rows, and of 8 phases each: 256 in all."""
    steps = network_steps(codes_network([conv("a", "image", stride=(8, 8))], image=(1, 600, 8)))
    array = type(ARRAY)(rows=32, cols=4, lanes=2)
    config = NpuConfig(array=array, depth=4096)
    machine = machine_of(config)
    layouts = {
        name: type(layout)(0, (3, 3)) if name == "image" else layout
        for name, layout in choose_layouts(steps, machine).items()
    }
    estimate = Estimate(config, machine, [{"a": (8, 8)}])
    ways = Ways(layouts, steps.steps[0], machine, estimate)
    run = run_of(steps, "a", loaded=(), stored=("a",), resident=("image",))
    found = ways.best(run, ())
    assert found is not None
    pads = [pad_of(step, band) for band in found[1].bands for step in run.steps]
    assert min(pads) >= -128
    height = max(end - begin for begin, end in (band.output for band in found[1].bands))
    assert ceil_div(75, height) == len(found[1].bands)
