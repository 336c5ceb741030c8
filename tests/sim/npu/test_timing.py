"""Cycles in closed form: what each operation takes is what it takes in the model of the NPU."""

from collections import Counter

import numpy as np
import pytest

from tests.sim.npu.networks import run
from tests.sim.npu.watched import chunks_of, watch
from truncmac.descriptors import Operation
from truncmac.golden import Setting, builtin_images, builtin_network, layer_bits
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.sim.cycles.npu import columns
from truncmac.sim.cycles.npu.sizes import NpuSizes
from truncmac.sim.cycles.npu.timeline import Timeline
from truncmac.sim.npu.actions import actions_of
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.counting import count_program
from truncmac.sim.npu.planning import machine_of
from truncmac.sim.npu.timing import pass_action, plan_bytes, plan_cycles

NETWORK = builtin_network()
SETTINGS = [Setting("8", 8), Setting("2", 2)]
# Rows, columns, lanes, planes, bits of the bus and latency, where every map stays on chip, no
# operation runs beside another, and what is read ahead comes in time
REGULAR = [
    *((1, 16, 16, 8, 64, 1), (4, 4, 2, 8, 64, 1), (4, 8, 8, 2, 64, 20), (4, 8, 16, 8, 256, 1)),
    *((8, 4, 2, 2, 256, 1), (8, 8, 2, 1, 256, 20), (8, 8, 8, 8, 64, 1), (8, 16, 8, 1, 256, 1)),
    *((8, 16, 16, 2, 256, 20), (16, 4, 8, 2, 256, 20), (16, 8, 2, 8, 64, 20), (16, 8, 8, 2, 64, 1)),
    *((16, 8, 16, 2, 64, 1), (16, 4, 16, 2, 256, 20), (16, 16, 16, 8, 64, 1), (8, 4, 8, 2, 128, 7)),
]
# Where operands come late, or two bands of the image
OTHERS = [
    *((4, 16, 8, 2, 64, 1), (1, 8, 16, 8, 64, 20), (16, 4, 2, 2, 256, 20), (8, 8, 8, 1, 64, 1)),
    *((16, 8, 2, 2, 64, 1), (1, 4, 8, 1, 256, 1), (4, 4, 16, 1, 256, 20), (4, 16, 8, 8, 128, 3)),
]


def config_of(rows, cols, lanes, planes, bus_width, depth=16384):
    array = npu_array(rows=rows, cols=cols, lanes=lanes, planes=planes, max_reduction=600)
    return NpuConfig(array, bus_width=bus_width, depth=depth)


def compiled_for(config):
    """Digits for an NPU: the program, its actions, and their chunks at each setting."""
    compiled = compile_network(NETWORK, config, SETTINGS)
    plan = compiled.plan
    actions = actions_of(plan, machine_of(config), dict.fromkeys(plan.spilled, 0))
    widths = [layer_bits(NETWORK, setting.bits) for setting in SETTINGS]
    return compiled, actions, chunks_of(actions, widths, config.array.planes)


@pytest.mark.parametrize("sizes", REGULAR, ids=str)
def test_regular_programs_take_the_cycles_of_the_model(sizes):
    config, latency = config_of(*sizes[:-1]), sizes[-1]
    compiled, actions, chunks = compiled_for(config)
    counted = [watch(compiled, entry, latency)[1] for entry in compiled.entries]
    found = plan_cycles(actions, NpuSizes.of([config], latency), chunks, config.array.rows)
    assert found.tolist() == [counted]


@pytest.mark.parametrize("sizes", OTHERS, ids=str)
def test_an_operation_that_waits_for_nothing_takes_as_long_in_any_program(sizes):
    config, latency = config_of(*sizes[:-1]), sizes[-1]
    compiled, actions, chunks = compiled_for(config)
    compared = Counter()
    for setting, entry in enumerate(compiled.entries):
        took, counted = watch(compiled, entry, latency)
        line = Timeline(NpuSizes.of([config], latency), (1, 1))
        line.pass_on(np.ones((1, 1), np.int64))
        for action, own, each in zip(actions, chunks, took, strict=True):
            taken, over = pass_action(line, action, own[:, [setting]], config.array.rows)
            if each.operation in (Operation.LOAD, Operation.STORE) or any(each.waits.values()):
                continue
            assert (over - taken).tolist() == [[each.cycles]], action.step.name
            compared[each.operation] += 1
        assert line.over().item() == pytest.approx(counted, rel=0.01)
    assert compared[Operation.CONV] >= 2
    assert compared[Operation.POOL] and compared[Operation.SHORTCUT] >= 2


def alike(rows, lanes, depth):
    """NPUs that share a plan."""
    return [
        config_of(rows, cols, lanes, planes, bus_width, depth)
        for cols in (4, 8, 32)
        for planes in (1, 2, 8)
        for bus_width in (64, 256)
    ]


@pytest.mark.parametrize(("rows", "lanes", "depth"), [(8, 8, 4096), (4, 8, 40)])
def test_many_at_once_are_counted_as_each_alone(rows, lanes, depth):
    npus = alike(rows, lanes, depth)
    _, actions, _ = compiled_for(npus[0])
    widths = [layer_bits(NETWORK, setting.bits) for setting in SETTINGS]

    def counted(some):
        sizes = NpuSizes.of(some)
        planes = [chunks_of(actions, widths, npu.array.planes) for npu in some]
        chunks = [np.concatenate(own) for own in zip(*planes, strict=True)]
        return [
            plan_cycles(actions, sizes, chunks, rows),
            plan_bytes(actions, sizes, chunks),
        ]

    together = counted(npus)
    assert together[0].shape == (len(npus), len(SETTINGS))
    for place, npu in enumerate(npus):
        for values, alone in zip(together, counted([npu]), strict=True):
            assert values[place].tolist() == alone[0].tolist()


def test_what_repeats_is_passed_at_once_and_changes_nothing(monkeypatch):
    config = config_of(4, 4, 8, 1, 64)
    _, actions, chunks = compiled_for(config)
    sizes, passed = NpuSizes.of([config]), Counter()
    tile = columns.Columns._column

    def counted(self, *given, **more):
        passed[leaps] += 1
        return tile(self, *given, **more)

    monkeypatch.setattr(columns.Columns, "_column", counted)
    leaps = True
    found = plan_cycles(actions, sizes, chunks, 4)
    monkeypatch.setattr(columns, "_alike", lambda before, after: np.array(False))
    leaps = False
    assert plan_cycles(actions, sizes, chunks, 4).tolist() == found.tolist()
    assert passed[True] < 0.6 * passed[False]


@pytest.mark.parametrize(
    "sizes", [(8, 8, 8, 1, 64, 4096), (4, 8, 8, 2, 64, 32), (16, 4, 4, 4, 64, 300)], ids=str
)
def test_bytes_are_those_that_the_bus_carries(sizes):
    # Of digits all that is read begins and ends at a beat of 64 bits
    config = config_of(*sizes)
    compiled, actions, chunks = compiled_for(config)
    found = plan_bytes(actions, NpuSizes.of([config]), chunks)
    image = builtin_images()[0][0]
    for setting, entry in enumerate(compiled.entries):
        written = run(compiled, entry, image)[2].stores
        read = count_program(compiled, entry)["read_beats"] * config.bus_bytes
        assert found[0, setting] == read + written
