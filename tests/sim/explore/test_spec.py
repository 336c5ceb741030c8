import json
import re
from dataclasses import fields

import pytest

from truncmac.sim.explore.settings import spec_of
from truncmac.sim.explore.spec import COLUMNS, Spec


def test_a_spec_goes_through_json_and_keeps_its_name():
    spec = spec_of({"constraints": {"pes": {"max": 64}}})
    again = Spec.from_dictionary(json.loads(json.dumps(spec.as_dictionary())))
    assert again == spec
    assert again.digest("x") == spec.digest("x") != spec.digest("y")
    assert spec_of({"bits": 8}).digest() != spec_of({"bits": 4}).digest()


@pytest.mark.parametrize("name", ["rows", "speed"])
def test_an_objective_must_have_a_better_and_a_worse(name):
    with pytest.raises(ValueError, match=f"^s: An objective must be one of .*, not '{name}'$"):
        spec_of({"objectives": [name]}, "s")


def test_a_constraint_on_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^s: A constraint must be on rows, .*, not 'speed'$"):
        spec_of({"constraints": {"speed": {"min": 1}}}, "s")


# What is better of each column: less of what costs, more of what is gained; of the first neither
NEITHER = "rows cols lanes planes requantisers bus_width groups depth"
LESS = (
    "activation_kib weight_kib dram_gb_s clock_mhz pes peak_macs buffer_kib bits cycles latency_ms "
    "dram_bytes energy_uj area_mm2 edp_uj_ms fpga_luts fpga_ffs fpga_dsps fpga_brams"
)
MORE = "images_per_s utilisation accuracy fmax_mhz tops_per_w tops_per_mm2 fpga_mhz"


def test_what_is_better_of_each_column():
    signs = {name: 0 for name in NEITHER.split()}
    signs |= {name: 1 for name in LESS.split()} | {name: -1 for name in MORE.split()}
    assert dict(COLUMNS) == signs
    known = ", ".join(name for name in COLUMNS if signs[name])
    message = f"s: An objective must be one of {known}, not 'rows'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spec_of({"objectives": ["rows"]}, "s")


@pytest.mark.parametrize("field", ["objectives", "workloads"])
def test_names_are_there_once_at_least_and_at_most(field):
    for names in ([], ["pes", "pes"], ["pes", "bits", "pes"]):
        message = f"s: {field} must be one or more, each once, not {names}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            spec_of({field: names}, "s")
    assert getattr(spec_of({field: ["pes", "bits"]}), field) == ("pes", "bits")


@pytest.mark.parametrize(
    ("objective", "library"),
    [
        ("cycles", None),
        *((name, "ihp-sg13g2") for name in ("energy_uj", "area_mm2", "fmax_mhz", "edp_uj_ms")),
        *((name, "ihp-sg13g2") for name in ("tops_per_w", "tops_per_mm2")),
    ],
)
def test_a_library_is_taken_where_a_column_needs_one(objective, library):
    assert spec_of({"objectives": [objective]}).energy_library == library
    limited = {"objectives": ["cycles"], "constraints": {objective: {"max": 1}}}
    assert spec_of(limited).energy_library == library
    own = {"objectives": [objective], "library": "sky130"}
    assert spec_of(own).energy_library == "sky130"


def test_figures_of_an_fpga_need_their_folder():
    """The first by name is named, of objectives and constraints."""
    wanted = {"objectives": ["fpga_mhz", "fpga_luts"], "constraints": {"fpga_dsps": {"max": 1}}}
    message = "s: fpga_dsps needs results of truncmac fpga: name their folder, fpga or --fpga"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spec_of(wanted, "s")
    assert spec_of({**wanted, "fpga": "f"}).fpga == "f"
    names = ["fpga_mhz", "fpga_luts", "fpga_ffs", "fpga_dsps", "fpga_brams"]
    with pytest.raises(ValueError, match="^fpga_brams needs results"):
        Spec(**{**vars(spec_of({})), "objectives": tuple(names)})


def test_methods_and_fronts_that_are_known():
    for method in ("exhaustive", "nsga2", "tpe"):
        assert spec_of({"search": {"method": method}}).method == method
    for front in ("each", "workload", "all", "worst"):
        assert spec_of({"front": front}).front == front
    assert spec_of({"front": "all", "search": {"method": "exhaustive"}}).front == "all"


def test_a_space_has_fewer_designs_than_a_float_can_count():
    axes = {name: list(range(1, 1 + (1 << 10))) for name in ("rows", "cols", "lanes", "planes")}
    wide = {"planes": [1], "requantisers": "1..512", "weight_kib": "1..1024"}
    space = axes | wide | {"clock_mhz": list(range(1, 9))}
    with pytest.raises(ValueError, match=r"^s: The space must have fewer than 2\*\*53 designs$"):
        spec_of({"space": space | {"activation_kib": [1, 2]}}, "s")
    assert len(spec_of({"space": space}).design_space) == 1 << 52


def test_a_spec_as_plain_values():
    """Open ends of bounds are left out, and all else is there; what a spec has by itself too."""
    given = {"pes": {"max": 64}, "rows": {"min": 2}, "bits": {"min": 1, "max": 4}}
    spec = spec_of({"constraints": given})
    plain = spec.as_dictionary()
    assert plain["constraints"] == {
        "pes": {"max": 64.0},
        "rows": {"min": 2.0},
        "bits": {"min": 1.0, "max": 4.0},
    }
    assert set(plain) == {field.name for field in fields(Spec)} - {"top"}
    assert (plain["images"], plain["trials"], plain["seed"], plain["front"]) == (1, 2000, 0, "each")
    least = ("workloads", "bits", "space", "objectives")
    own = Spec(**{name: getattr(spec, name) for name in least})
    assert own == spec_of({})
    again = Spec.from_dictionary(json.loads(json.dumps(plain)))
    assert again.space["requantisers"] == (0,)
    npu = spec_of({"top": "npu"})
    assert npu.as_dictionary()["top"] == "npu"
    assert Spec.from_dictionary(json.loads(json.dumps(npu.as_dictionary()))) == npu
