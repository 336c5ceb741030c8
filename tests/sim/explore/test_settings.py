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
            "objectives, search, space, top, workloads, not 'row'",
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


def test_what_settings_leave_out_has_its_default():
    """Workloads and objectives by name; sizes from 4 to 16, memories of 128 KiB, 100 MHz."""
    spec = spec_of({})
    assert (spec.workloads, spec.bits) == (("digits",), (8, 4, 2, 1))
    assert spec.objectives == ("images_per_s", "peak_macs")
    assert spec.space == {
        **dict.fromkeys(("rows", "cols", "lanes"), (4, 8, 16)),
        **{"planes": (1, 2), "requantisers": (0,), "activation_kib": (128,)},
        **{"weight_kib": (128,), "dram_gb_s": (3.2,), "clock_mhz": (100.0,)},
    }
    assert (spec.constraints, spec.front, spec.images) == ({}, "each", 1)
    assert (spec.data, spec.library, spec.fpga) == (None, None, None)
    assert (spec.method, spec.trials, spec.seed) == (None, 2000, 0)


@pytest.mark.parametrize(
    ("settings", "field", "least", "most"),
    [
        (lambda v: {"images": v}, "images", 1, 65_536),
        (lambda v: {"search": {"trials": v}}, "trials", 1, 2_147_483_648),
        (lambda v: {"search": {"seed": v}}, "seed", 0, 4_294_967_295),
    ],
)
def test_both_ends_of_whole_numbers_are_allowed_and_no_more(settings, field, least, most):
    for value in (least, most):
        assert getattr(spec_of(settings(value)), field) == value
    for value in (least - 1, most + 1, True, "1", 2.0, None):
        message = f"s: {field} must be a whole number in {least}..{most}, not {value!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            spec_of(settings(value), "s")


@pytest.mark.parametrize(
    ("given", "bits"),
    [("all", (8, 7, 6, 5, 4, 3, 2, 1)), ("1, 8", (1, 8)), ([8, "1"], (8, 1)), (3, (3,))],
)
def test_bits_are_all_a_text_a_list_or_one(given, bits):
    assert spec_of({"bits": given}).bits == bits


@pytest.mark.parametrize("given", [0, 9, [], "", [True], "1,,2", [2.0], None, "-1", ["all"]])
def test_other_bits_are_refused(given):
    message = f"s: bits must be of 1..8, each once, or 'all', not {given!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spec_of({"bits": given}, "s")


@pytest.mark.parametrize(
    "bound", [{}, {"least": 1}, {"min": 1, "max": 2, "to": 3}, {"min": True}, {"max": "1"}, [1, 2]]
)
def test_other_bounds_are_refused(bound):
    message = f"s: constraint pes must be such as {{ min = 1, max = 2 }}, not {bound!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spec_of({"constraints": {"pes": bound}}, "s")


def test_bounds_may_be_open_at_either_end():
    given = {"pes": {"min": 1}, "cycles": {"max": 2}, "rows": {"min": 3, "max": 4.5}}
    bounds = spec_of({"constraints": given}).constraints
    assert bounds == {
        "pes": Bound(1.0, float("inf")),
        "cycles": Bound(-float("inf"), 2.0),
        "rows": Bound(3.0, 4.5),
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workloads": ["a", 3]}, "workloads must be a list of names, not ['a', 3]"),
        ({"objectives": ("pes",)}, "objectives must be a list of names, not ('pes',)"),
        ({"fpga": 1}, "fpga must be a folder's name, not 1"),
        ({"search": []}, "search must be a table, [search], not []"),
        ({"constraints": 1}, "constraints must be a table, [constraints], not 1"),
        (
            {"search": {"trial": 4}},
            "[search]: a key must be one of method, seed, trials, not 'trial'",
        ),
        ({"trials": 4}, "a key must be one of bits, constraints, data, fpga, front, images, libra"),
    ],
)
def test_more_that_is_wrong_is_named(settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(f's: {message}')}"):
        spec_of(settings, "s")


def test_names_come_in_a_list_or_a_text():
    for given in (["a", "b"], "a, b", "a,b "):
        assert spec_of({"workloads": given}).workloads == ("a", "b")
    spec = spec_of({"data": "d", "library": "l", "fpga": "f", "front": "workload"})
    assert (spec.data, spec.library, spec.fpga, spec.front) == ("d", "l", "f", "workload")


def test_a_file_of_a_mebibyte_is_the_largest(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text("images = 3".ljust(1 << 20))
    assert load_settings(path) == {"images": 3}
    path.write_text("images = 3".ljust((1 << 20) + 1))
    message = f"{path}: the most that is read is 1048576 bytes"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_settings(path)
