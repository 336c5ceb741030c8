"""The cycles of a compiled network, counted as the machine is."""

from truncmac.descriptors import Region
from truncmac.golden import Setting, builtin_network
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.cycles.npu.machine import NpuControl
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.counting import count_program

COMPILED = compile_network(builtin_network(), NpuConfig(), [Setting("2", 2), Setting("1", 1)])


def test_regions_begin_at_pages_in_their_order():
    sizes = (len(COMPILED.program), COMPILED.input_bytes, COMPILED.output_bytes)
    bases, place = {Region.PROGRAM: 0}, 0
    for region, size in zip(list(Region)[1:], sizes, strict=True):
        place += -(-size // 4096) * 4096
        bases[region] = place
    entry = COMPILED.entries[1]
    expected = NpuControl(COMPILED.config).run(COMPILED.program, bases, entry.offset)
    assert count_program(COMPILED, entry) == expected


def test_each_program_is_counted_from_a_reset_on():
    first = [count_program(COMPILED, entry) for entry in COMPILED.entries]
    assert [count_program(COMPILED, entry) for entry in COMPILED.entries] == first
    assert first[0]["cycles"] > first[1]["cycles"]
    slow = count_program(COMPILED, COMPILED.entries[1], MemoryTiming(latency=50, gaps={"r": 2}))
    assert slow["cycles"] > first[1]["cycles"]
    assert slow["read_beats"] == first[1]["read_beats"]
