"""What a driver reads: a C compiler takes the header, and its numbers are the program's."""

import json
import subprocess

import pytest

from tests.golden.networks import small_network
from truncmac.golden import Setting, builtin_network
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.files import compiled_files, memory_map

DRIVER = r"""
#include <stdio.h>
#include "truncmac_program.h"
int main(void) {
  printf("%u %u %u %u %x\n", TRUNCMAC_PROGRAM_BYTES, TRUNCMAC_INPUT_BYTES,
         TRUNCMAC_OUTPUT_BYTES, TRUNCMAC_SCRATCH_BYTES, TRUNCMAC_CONFIGURATION);
  printf("%u %u %u %d\n", TRUNCMAC_OUTPUT_HEIGHT, TRUNCMAC_OUTPUT_WIDTH,
         TRUNCMAC_OUTPUT_CHANNELS, TRUNCMAC_OUTPUT_SUMS);
  for (int i = 0; i < TRUNCMAC_PROGRAMS; i++) {
    const struct truncmac_program *p = &truncmac_programs[i];
    printf("%s %u", p->name, p->offset);
    for (int j = 0; p->multiplier && j < (int)TRUNCMAC_OUTPUT_CHANNELS; j++)
      printf(" %lld %lld", (long long)p->multiplier[j], (long long)p->bias[j]);
    printf("\n");
  }
}
"""


@pytest.fixture(scope="module")
def compiled():
    return compile_network(small_network(), NpuConfig(), [Setting("8", 8), Setting("2", 2)])


def test_the_header_compiles_and_tells_the_programs(compiled, tmp_path):
    for name, data in compiled_files(compiled).items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "driver.c").write_text(DRIVER)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "driver.c", "-o", "driver"]
    subprocess.run(command, cwd=tmp_path, check=True)
    lines = subprocess.run(
        ["./driver"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    size = (tmp_path / "program.bin").stat().st_size
    assert lines[0] == f"{size} 84 12 0 {compiled.config.configuration:x}"
    assert lines[1] == "1 1 3 1"
    for line, entry, bits in zip(lines[2:], compiled.entries, (8, 2), strict=True):
        tensors = compiled.network.tensors
        scales = zip(
            tensors[f"logits.b{bits}.multiplier"], tensors[f"logits.b{bits}.bias"], strict=True
        )
        numbers = [f"{number}" for pair in scales for number in pair]
        assert line.split() == [str(bits), str(entry.offset), *numbers]


def test_a_name_cannot_end_a_comment_or_a_string(compiled):
    from dataclasses import replace

    named = replace(compiled, network=replace(compiled.network, name='*/ #error "\n'))
    header = compiled_files(named)["truncmac_program.h"].decode()
    assert "#error" not in header
    assert header.count("*/") == header.count("/*")


def test_the_memory_map_says_what_lies_where():
    compiled = compile_network(builtin_network(), NpuConfig(), [Setting("8", 8)])
    found = json.loads(compiled_files(compiled)["memory_map.json"])
    assert found == json.loads(json.dumps(memory_map(compiled)))
    assert found["regions"]["program"] == len(compiled.program)
    assert found["programs"] == [{"name": "8", "offset": 0}]
    names = [section["name"] for section in found["sections"]]
    assert names[0] == "program 8"
    assert len(names) == len(set(names))
    assert {entry["name"] for entry in found["maps"]} == set(compiled.places)
    for entry in found["maps"]:
        place = compiled.places[entry["name"]]
        assert (entry["group"], entry["base"]) == (place.group, place.base)
