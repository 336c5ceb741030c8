"""Area and clock by block: of a toy with an NPU's modules, and, in long, of a small NPU."""

import re
from dataclasses import replace

import pytest

from tests.sim.netlist.tiny import tiny_library
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog
from truncmac.sim.characterise import blocks
from truncmac.sim.characterise.blocks import BLOCKS, block_of, measure_blocks, npu_memories
from truncmac.sim.energy.macros import Sram, load_srams
from truncmac.sim.netlist.boxes import boxed
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.mapping import MappingOptions, map_verilog

SMALL = NpuConfig(
    array=npu_array(rows=2, cols=2, lanes=4, max_reduction=16, multiplier_bits=8),
    depth=16,
    outstanding=1,
)
OPTIONS = MappingOptions(3000.0)
SLOW = Sram("SLOW", 16, 32, 1.0, 1.0, 1.0, 700.0, access_ps=1e6, setup_ps=2e6)

# A register of the core, one that counts and is long, and a memory of each kind between them
TOY = """
module truncmac_npu(input aclk, input x, output reg y);
  wire out;
  \\truncmac_npu.engine e(.clk(aclk), .x(x), .y(out));
  always @(posedge aclk) y <= out;
endmodule
module \\truncmac_npu.engine (input clk, input x, output y);
  wire [7:0] read, sum;
  wire code;
  truncmac_bank b(.clk(clk), .address(sum), .answer(read));
  truncmac_weight_bank w(.clk(clk), .address(read), .answer(code));
  \\truncmac_npu.engine.post p(.clk(clk), .given(read), .sum(sum));
  \\truncmac_npu.engine.convolver.core c(.clk(clk), .x(x ^ code), .y(y));
endmodule
module \\truncmac_npu.engine.post (input clk, input [7:0] given, output reg [7:0] sum);
  always @(posedge clk) sum <= sum * given;
endmodule
module \\truncmac_npu.engine.convolver.core (input clk, input x, output y);
  truncmac_pe p(.clk(clk), .x(x), .y(y));
endmodule
module truncmac_pe(input clk, input x, output reg y);
  always @(posedge clk) y <= x ^ y;
endmodule
module truncmac_bank(input clk, input [7:0] address, output reg [7:0] answer);
  reg [7:0] memory [0:255];
  always @(posedge clk) answer <= memory[address];
endmodule
module truncmac_weight_bank(input clk, input [7:0] address, output reg answer);
  reg memory [0:255];
  always @(posedge clk) answer <= memory[address];
endmodule
""".replace("\\\\", "\\")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("netlists")


@pytest.fixture(scope="module")
def library(cache):
    return tiny_library(cache)


@pytest.fixture
def toy(cache, library, monkeypatch):
    """Measures the toy, with memories of these macros."""
    monkeypatch.setattr(blocks, "npu_verilog", lambda config: TOY)
    return lambda *macros: measure_blocks(SMALL, library, OPTIONS, macros, cache)


def test_cells_belong_to_blocks(toy):
    found = toy()
    area = {block: size for block, size in found.area_um2.items() if size}
    assert list(found.area_um2) == list(BLOCKS)
    assert set(area) == {"core", "post", "decoding", "control and registers"}
    assert 6.0 + 3.0 <= area["core"] < 2 * 6.0  # a flip-flop and a gate
    assert area["control and registers"] == 6.0
    assert area["post"] > 8 * 6.0


def test_memories_are_black_boxes(toy, cache, library):
    found = toy()
    boxes = {memory.module: memory.timing for memory in found.memories}
    json = map_verilog(
        TOY, NPU_TOP, library, replace(OPTIONS, boxes=tuple(boxes), generic=False), cache
    )
    netlist = flatten(*_boxed(json, library, boxes))
    kinds = {group.cell.name: len(group.pins) for group in netlist.groups}
    assert (kinds["truncmac_bank"], kinds["truncmac_weight_bank"]) == (1, 1)
    registers = sum(len(group.pins) for group, _ in netlist.registers("ff"))
    assert registers == 1 + 1 + 8 + 2  # of the top, the core and post, and the boxes


def _boxed(json, library, boxes):
    json, library = boxed(json, library, boxes)
    return json, NPU_TOP, library


def test_a_path_in_another_block_is_longer_than_the_cores(toy):
    found = toy()
    assert found.core_worst.end == "truncmac_pe/y"
    assert found.core_worst.period_ps == found.core_period_ps < found.period_ps
    first = found.paths[0]
    assert first.end == "truncmac_npu.engine.post/sum"
    assert first.period_ps == found.period_ps
    periods = [path.period_ps for path in found.paths]
    assert periods == sorted(periods, reverse=True) and periods[-1] > found.core_period_ps


def test_paths_through_memories_count(toy):
    slow = toy(SLOW)
    assert slow.core_period_ps < 1000
    assert 3e6 <= slow.period_ps == slow.paths[0].period_ps < 3.1e6  # from a memory into the other
    assert slow.paths[0].setup_ps == 2e6
    ends = [path.end for path in slow.paths if 1e6 < path.period_ps < 1.1e6]
    assert "truncmac_npu.engine.post/sum" in ends
    assert "truncmac_pe/y" in ends


def test_memories_are_stated_apart():
    activations, weights = npu_memories(SMALL)
    assert (activations.count, activations.words, activations.bits) == (3 * 2, 16, 32)
    assert (weights.count, weights.words, weights.bits) == (2, 4 * 8, 2 * 4)
    assert activations.total_bits == 8 * SMALL.memory_bytes
    assert (activations.macro, activations.area_um2) == (None, 0.0)


def test_a_memory_is_made_of_the_macros_of_least_area():
    small = replace(SLOW, name="SMALL", words=8, bits=8, area_um2=90.0)
    activations, weights = npu_memories(SMALL, [SLOW, small])
    assert (activations.macro, activations.macros) == (SLOW, 1)  # 8 small ones take 720
    assert activations.area_um2 == 6 * 700
    assert (weights.macro, weights.macros) == (small, 4)
    assert weights.area_um2 == 2 * 4 * 90


@pytest.mark.parametrize(
    ("sizes", "bus_width", "expected"),
    [
        ({}, 64, [(24, 1024, 64, 1, "1024x64", 6.335), (2, 4608, 64, 5, "1024x64", 2.639)]),
        (
            {"rows": 16, "cols": 16, "lanes": 16, "planes": 2},
            128,
            [(48, 1024, 128, 2, "1024x64", 25.339), (2, 1152, 512, 24, "512x64", 7.205)],
        ),
    ],
)
def test_memories_are_those_that_the_page_says(sizes, bus_width, expected):
    config = NpuConfig(array=npu_array(**sizes), bus_width=bus_width)
    found = [
        (
            *(memory.count, memory.words, memory.bits, memory.macros),
            *(memory.macro.name.split("_")[3], round(memory.area_um2 / 1e6, 3)),
        )
        for memory in npu_memories(config, load_srams("ihp-sg13g2"))
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("module", "block"),
    [
        ("truncmac_pe", "core"),
        ("truncmac_row_sum", "core"),
        ("truncmac_npu.engine.convolver.core.edge", "core"),
        ("truncmac_npu.engine.windows.pixels.walk", "im2col"),
        ("truncmac_npu.engine.convolver.residuals", "results and residuals"),
        ("truncmac_npu.engine.convolver", "weights and jobs"),
        ("truncmac_npu.engine.loader.buffer", "loader"),
        ("truncmac_npu.engine.sum_storer", "storer"),
        ("truncmac_npu.engine.reader.queue", "bus"),
        ("truncmac_npu.engine", "decoding"),
        ("truncmac_npu.counters$200", "control and registers"),
        ("truncmac_npu", "control and registers"),
    ],
)
def test_modules_belong_to_blocks(module, block):
    assert block_of(f"{module}/register") == block


def test_an_npu_has_modules_of_all_blocks_and_both_memories():
    modules = re.findall(r"^module \\?(\S+?)\s*\(", npu_verilog(SMALL), re.M)
    memories = {memory.module for memory in npu_memories(SMALL)}
    assert memories <= set(modules)
    assert {block_of(f"{name}/") for name in set(modules) - memories} == set(BLOCKS)


@pytest.mark.long
def test_a_small_npu(cache, library):
    found = measure_blocks(SMALL, library, OPTIONS, [], cache)
    assert all(area > 0 for area in found.area_um2.values())
    slow = measure_blocks(SMALL, library, OPTIONS, [SLOW], cache)
    assert slow.area_um2 == found.area_um2
    assert slow.core_period_ps == found.core_period_ps <= found.period_ps < 1e6 < slow.period_ps
