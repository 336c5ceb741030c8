import re

import pytest

from truncmac.sim.explore.settings import load_settings, spec_of
from truncmac.sim.explore.spec import Bound


def test_settings_of_a_file(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(
        'workloads = ["resnet20", "digits"]\nbits = "all"\nfront = "worst"\nimages = 4\n'
        "[space]\nrows = [4, 8]\nclock_mhz = 100\n"
        "[constraints]\nimages_per_s = { min = 30 }\n"
        '[search]\nmethod = "tpe"\ntrials = 10\nseed = 3\n'
    )
    spec = spec_of(load_settings(path), str(path))
    assert spec.workloads == ("resnet20", "digits")
    assert spec.bits == (8, 7, 6, 5, 4, 3, 2, 1)
    assert spec.space["rows"] == (4, 8) and spec.space["clock_mhz"] == (100.0,)
    assert spec.space["lanes"] == (4, 8, 16)  # the default
    assert spec.constraints == {"images_per_s": Bound(min=30.0)}
    assert (spec.method, spec.trials, spec.seed) == ("tpe", 10, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"row": 4},
            "s: a key must be one of bits, constraints, data, fpga, front, images, library, "
            "objectives, search, space, workloads, not 'row'",
        ),
        (
            {"space": {"row": 4}},
            "s: [space]: a key must be one of activation_kib, clock_mhz, cols, dram_gb_s, lanes, "
            "planes, requantisers, rows, weight_kib, not 'row'",
        ),
        ({"space": 4}, "s: space must be a table, [space], not 4"),
        ({"bits": [8, 9]}, "s: bits must be of 1..8, each once, or 'all', not [8, 9]"),
        ({"bits": "8,x"}, "s: bits must be of 1..8, each once, or 'all', not '8,x'"),
        ({"bits": [8, 8]}, "s: bits must be of 1..8, each once, or 'all', not [8, 8]"),
        ({"front": "any"}, "s: front must be one of each, workload, all, worst, not 'any'"),
        (
            {"front": "all", "search": {"method": "tpe"}},
            "s: search must be exhaustive for front \"all\", not 'tpe'",
        ),
        (
            {"search": {"method": "grid"}},
            "s: search must be one of exhaustive, nsga2, tpe, not 'grid'",
        ),
        ({"search": {"trials": 0}}, "s: trials must be a whole number in 1..2147483648, not 0"),
        ({"images": 1.5}, "s: images must be a whole number in 1..65536, not 1.5"),
        ({"data": 1}, "s: data must be a file's name, not 1"),
        ({"library": 1}, "s: library must be a name, not 1"),
        (
            {"constraints": {"fpga_luts": {"max": 9}}},
            "s: fpga_luts needs results of truncmac fpga: name their folder, fpga or --fpga",
        ),
        ({"workloads": []}, "s: workloads must be one or more, each once, not []"),
        ({"workloads": 3}, "s: workloads must be a list of names, not 3"),
        (
            {"constraints": {"pes": 3}},
            "s: constraint pes must be such as { min = 1, max = 2 }, not 3",
        ),
        (
            {"constraints": {"pes": {"min": float("nan")}}},
            "s: constraint pes must be such as { min = 1, max = 2 }, not {'min': nan}",
        ),
    ],
)
def test_what_is_wrong_is_named(settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spec_of(settings, "s")


@pytest.mark.parametrize("content", [b"rows = [", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_named(tmp_path, content):
    path = tmp_path / "spec.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: must be a TOML file: "):
        load_settings(path)
