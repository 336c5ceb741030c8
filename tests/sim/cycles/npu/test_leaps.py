"""Leaps change nothing but the time that the model takes."""

from itertools import islice

import pytest

from tests.programs.cycles import drawn
from truncmac.descriptors import Region
from truncmac.golden import Setting, builtin_network, example_network
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.cycles.npu.machine import NpuControl
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.stimulus import fitting


class Watched(NpuControl):
    """Counts the cycles that it passes one by one."""

    def run(self, program, bases, entry=0):
        self.passed = 0
        return super().run(program, bases, entry)

    def _cycle(self):
        self.passed += self.state != "idle"
        super()._cycle()


def both(config, timing, compiled, bases):
    """Counters of each program with leaps, which are those without, and the cycles passed."""
    quick, slow = Watched(config, timing), Watched(config, timing)
    slow.repeats = False
    for entry in compiled.entries:
        found = quick.run(compiled.program, bases, entry.offset)
        assert found == slow.run(compiled.program, bases, entry.offset)
        assert slow.passed == found["cycles"]
        yield found, quick.passed


@pytest.mark.parametrize("number", range(14))
def test_random_programs(number):
    config, pauses = next(islice(drawn(5), number, None))
    settings = [Setting(str(k), k) for k in (8, 2)]
    compiled = next(fitting(lambda network: compile_network(network, config, settings), number))
    bases = {region: (region << 20) + 32 * number for region in Region}
    timing = MemoryTiming(pauses.latency, pauses.gaps)
    for found, passed in both(config, timing, compiled, bases):
        assert passed <= found["cycles"]


def test_a_network_takes_less_than_half_of_the_steps():
    config = NpuConfig(array=npu_array())
    compiled = compile_network(builtin_network(), config, [Setting("8", 8)])
    bases = {region: region << 20 for region in Region}
    ((found, passed),) = both(config, MemoryTiming(), compiled, bases)
    assert found["cycles"] > 20_000
    assert passed < found["cycles"] / 2


def test_beats_that_are_not_looked_at_are_not_taken_for_those_of_the_tile_before():
    # Residual codes lie where results go, so that most beats are passed one by one
    array = npu_array(rows=8, cols=8, lanes=16, planes=1, max_reduction=576)
    config = NpuConfig(array=array, depth=512)
    compiled = compile_network(example_network("resnet20"), config, [Setting("1", 1)])
    bases = {region: region << 20 for region in Region}
    ((found, passed),) = both(config, MemoryTiming(), compiled, bases)
    assert passed <= found["cycles"]
