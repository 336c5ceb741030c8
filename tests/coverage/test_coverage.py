"""The coverage file's reader, waivers, and the situations that the runs must meet."""

import pytest

from tests.mutation.mutants import CONFIG
from tests.mutation.stimulus import runs

from .functional import covered
from .points import Point, read_points
from .waivers import Waiver, read_waivers, waived

HEAD = "# SystemC::Coverage-3\n"
TOGGLE = (
    "C '\x01f\x02/x/core.v\x01l\x025\x01n\x023\x01page\x02v_toggle/truncmac_pe"
    "\x01o\x02sum[1]:0->1\x01h\x02TOP.a' 4\n"
)


def test_every_situation_is_met():
    for name, points in covered(runs(CONFIG), CONFIG).items():
        assert [point for point, count in points.items() if not count] == [], name


def test_points_of_all_runs_and_instances_add_up(tmp_path):
    path = tmp_path / "coverage.dat"
    path.write_text(HEAD + TOGGLE + TOGGLE.replace("TOP.a", "TOP.b").replace("' 4", "' 1"))
    point = Point("toggle", "truncmac_pe", 0, "sum[1]:0->1")
    assert read_points([path, path], "core.v") == {point: 10}
    assert read_points([path], "bench.v") == {}


@pytest.mark.parametrize("text", ["", "nonsense\n", HEAD + "C 'x\n"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "coverage.dat"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"coverage\.dat"):
        read_points([path], "core.v")


def test_each_waiver_has_a_reason_and_covers_only_what_is_not_covered():
    assert read_waivers()
    with pytest.raises(ValueError, match=r"^Waiver of pe \.\* must have a reason$"):
        Waiver(reason=" ", kinds=["toggle"], module="pe")
    waiver = Waiver(reason="constant", kinds=["toggle"], module="pe", name="a.*")
    hit, missed = Point("toggle", "pe", 0, "a[0]"), Point("toggle", "pe", 0, "a[1]")
    other = Point("toggle", "row", 0, "a[1]")
    found, idle = waived({hit: 1, missed: 0, other: 0}, [waiver], [])
    assert (found, idle) == ({missed: waiver}, [])
    assert waived({hit: 1}, [waiver], [])[1] == [waiver]
