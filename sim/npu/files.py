"""The files of a compiled network: its program's region, a memory map, and a C header."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from truncmac.golden import image_formula
from truncmac.golden.files import file_name
from truncmac.golden.types import Integers
from truncmac.sim.image_header import image_lines

from .compiled import Compiled, Entry
from .segments import Segment

__all__ = ["compiled_files", "memory_map"]

LINE = 8  # numbers of an array in C


def compiled_files(compiled: Compiled) -> dict[str, bytes]:
    """The files by name: `program.bin`, `memory_map.json` and `truncmac_program.h`."""
    text = json.dumps(memory_map(compiled), indent=1) + "\n"
    return {
        "program.bin": compiled.program,
        "memory_map.json": text.encode(),
        "truncmac_program.h": c_header(compiled).encode(),
    }


def memory_map(compiled: Compiled) -> dict[str, object]:
    """What lies where: the regions and their sections, the programs, and the maps.

    `maps` are on chip as a whole, `spilled` in the scratch region. `segments` are the layers that
    are done together, in order; those of bands say how many bands they have, and the words of the
    buffers of their maps. `image` says what codes the input region holds.
    """
    image = compiled.network.image
    return {
        "network": compiled.network.name,
        "image": asdict(image) | {"formula": list(image_formula(image))},
        "configuration": f"{compiled.config.configuration:#010x}",
        "npu": asdict(compiled.config),
        "regions": {
            "program": len(compiled.program),
            "input": compiled.input_bytes,
            "output": compiled.output_bytes,
            "scratch": compiled.scratch_bytes,
        },
        "programs": [
            {"name": entry.setting.name, "offset": entry.offset} for entry in compiled.entries
        ],
        "sections": [asdict(section) for section in compiled.sections],
        "maps": [
            {"name": name, "shape": list(compiled.steps.maps[name]), **asdict(place)}
            for name, place in compiled.places.items()
        ],
        "spilled": [
            {"name": name, "shape": list(part.shape), "offset": part.offset, "bytes": part.size}
            for name, part in compiled.spilled.items()
        ],
        "segments": [
            _segment(compiled, number, segment)
            for number, segment in enumerate(compiled.plan.segments)
        ],
    }


def _segment(compiled: Compiled, number: int, segment: Segment) -> dict[str, object]:
    """Layers that are done together; with bands, what is loaded and stored, and the buffers."""
    plan, run = compiled.plan, segment.run
    about: dict[str, object] = {"layers": [step.name for step in run.steps]}
    if not run.banded:
        return about
    buffers = [
        {"name": name, "group": group, "base": base, "words": segment.words(name, plan.machine)}
        for name in run.shapes
        if name not in run.resident
        for group, base in (plan.spots[key] for key in segment.keys(name, number))
    ]
    beside = [
        word
        for word, is_so in (("loads", segment.loads_beside), ("stores", segment.stores_beside))
        if is_so
    ]
    return about | {
        "bands": len(segment.bands),
        "loads": list(run.loaded),
        "stores": list(run.stored),
        "beside": beside,
        "buffers": buffers,
    }


def c_header(compiled: Compiled) -> str:
    """Sizes of the regions, and for each program its entry and what makes logits of its sums."""
    last = compiled.steps.steps[-1]
    high, wide, channels = last.shape
    lines = [
        f"/* {file_name(compiled.network.name)}, compiled for an NPU; generated. */",
        "#ifndef TRUNCMAC_PROGRAM_H",
        "#define TRUNCMAC_PROGRAM_H",
        "#include <stdint.h>",
        "",
        *image_lines(compiled.network),
        f"#define TRUNCMAC_CONFIGURATION {compiled.config.configuration:#010x}u",
        "/* Bytes of the four regions; program.bin is the first of them */",
        f"#define TRUNCMAC_PROGRAM_BYTES {len(compiled.program)}u",
        f"#define TRUNCMAC_INPUT_BYTES {compiled.input_bytes}u",
        f"#define TRUNCMAC_OUTPUT_BYTES {compiled.output_bytes}u",
        f"#define TRUNCMAC_SCRATCH_BYTES {compiled.scratch_bytes}u",
        "/* The output's rows, columns and channels, channels innermost */",
        f"#define TRUNCMAC_OUTPUT_HEIGHT {high}u",
        f"#define TRUNCMAC_OUTPUT_WIDTH {wide}u",
        f"#define TRUNCMAC_OUTPUT_CHANNELS {channels}u",
        "/* 1: the output is sums S, int32_t; a logit is multiplier S + bias. 0: codes, uint8_t */",
        f"#define TRUNCMAC_OUTPUT_SUMS {int(last.raw)}",
        "",
        "struct truncmac_program {",
        "  const char *name;          /* its k, or the name of its file of bit-widths */",
        "  uint32_t offset;           /* of its first descriptor in the program's region */",
        "  const int64_t *multiplier; /* of each output channel; 0: the output is codes */",
        "  const int64_t *bias;",
        "};",
        "",
    ]
    rows = []
    for index, entry in enumerate(compiled.entries):
        names = _scales(lines, index, entry)
        rows.append(f'  {{"{file_name(entry.setting.name)}", {entry.offset}u, {names}}},')
    count = len(compiled.entries)
    lines += [
        f"#define TRUNCMAC_PROGRAMS {count}",
        f"static const struct truncmac_program truncmac_programs[{count}] = {{",
        *rows,
        "};",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _scales(lines: list[str], index: int, entry: Entry) -> str:
    """Append a program's arrays to `lines`; their names."""
    if entry.multiplier is None or entry.bias is None:
        return "0, 0"
    names = []
    for kind, values in (("multiplier", entry.multiplier), ("bias", entry.bias)):
        names.append(f"truncmac_{kind}_{index}")
        lines += _array(names[-1], values)
    return ", ".join(names)


def _array(name: str, values: Integers) -> Sequence[str]:
    numbers = [str(value) for value in values.tolist()]
    rows = [
        "  " + ", ".join(numbers[start : start + LINE]) + ","
        for start in range(0, len(numbers), LINE)
    ]
    return [f"static const int64_t {name}[{len(numbers)}] = {{", *rows, "};", ""]
