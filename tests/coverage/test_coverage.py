"""The coverage file's reader, names, waivers, proofs, and the situations that runs must meet."""

import re
from types import SimpleNamespace

import pytest

from tests.coverage.constants import constant_bits, shared_modules
from tests.coverage.functional import covered
from tests.coverage.measure import CONFIG
from tests.coverage.names import Names
from tests.coverage.npu import stimulus as npu_stimulus
from tests.coverage.npu_functional import covered_by_programs
from tests.coverage.points import Point, read_points
from tests.coverage.report import Top
from tests.coverage.stimulus import all_runs
from tests.coverage.waivers import Waiver, read_waivers, review
from truncmac.descriptors import ProgramFault

DISTURBED = ("disturbed", "disturbed_late", "wrong", "damaged")
HEAD = "# SystemC::Coverage-3\n"
TOGGLE = (
    "C '\x01f\x02/x/core.v\x01l\x025\x01n\x023\x01page\x02v_toggle/truncmac_pe"
    "\x01o\x02__0243[1]:0->1\x01h\x02TOP.a' 4\n"
)
EXPRESSION = TOGGLE.replace("v_toggle", "v_expr").replace("__0243[1]:0->1", "($3[1]==0) => 0")
VERILOG = r"""
module truncmac_pe(clk, a, q);
  input clk;
  input [1:0] a;
  wire [1:0] a;
  wire [2:0] \$2 ;
  wire [2:0] \$3 ;
  wire [5:0] \$4 ;
  reg [2:0] \$5 ;
  output q;
  reg [2:0] count = 3'h0;
  assign q = \$3 [1];
  assign \$3  = \$2  & count;
  assign \$2  = a + 1'h1;
  assign \$4  = \$2  * \$3 ;
  always @(posedge clk)
    count <= \$5 ;
  always @* begin
    \$5  = count + 1'h1;
    if (count == 3'h2) begin
      \$5  = 3'h0;
    end
  end
endmodule
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "core.v"
    path.write_text(VERILOG)
    return path


def test_every_situation_is_met():
    for name, points in covered(all_runs(CONFIG), CONFIG).items():
        assert [point for point, count in points.items() if not count] == [], name


def test_every_situation_of_the_npu_is_met():
    """Faults are not looked at here, as nothing runs: each program ends."""
    plays = [played for played in npu_stimulus() if played.name not in DISTURBED]
    end = SimpleNamespace(ended=True, fault=ProgramFault.NONE)
    found = dict(covered_by_programs(plays, [[end] * len(played.runs) for played in plays]))
    assert len(found.pop("fault")) == len(ProgramFault)
    for name, points in found.items():
        assert [point for point, count in points.items() if not count] == [], name


def test_a_top_that_is_covered_less_than_it_must_be_is_named():
    points = {Point("line", "m", number, "block"): number % 2 for number in range(8)}
    points |= {Point(kind, "m", 0, kind): 1 for kind in ("branch", "toggle", "expr")}
    for least, short in ((0.5, []), (0.6, [("line", 0.5, 0.6)])):
        assert Top("t", points, review(points, []), [], {"line": least}).short() == short


def test_points_of_all_runs_and_instances_add_up(tmp_path, source):
    path = tmp_path / "coverage.dat"
    path.write_text(HEAD + TOGGLE + TOGGLE.replace("TOP.a", "TOP.b").replace("' 4", "' 1"))
    point = Point("toggle", "truncmac_pe", 0, "((a + 1'h1) & count)[1]:0->1")
    assert read_points([path, path], source) == {point: 10}
    path.write_text(HEAD + EXPRESSION + TOGGLE.replace("core.v", "bench.v"))
    assert [point.name for point in read_points([path], source)] == [
        "(((a + 1'h1) & count)[1]==0) => 0"
    ]


@pytest.mark.parametrize("text", ["", "nonsense\n", HEAD + "C 'x\n"])
def test_another_file_is_refused(tmp_path, source, text):
    path = tmp_path / "coverage.dat"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"coverage\.dat"):
        read_points([path], source)


def test_numbered_wires_are_named_by_what_they_are():
    names = Names(VERILOG)
    assert names.signal("truncmac_pe", "__0245[2]") == "(next count)[2]"
    assert names.expression("truncmac_pe", "drain$3 | $2") == "drain$3 | (a + 1'h1)"
    assert names.module("truncmac_pe__DOT__part__02417") == "truncmac_pe.part"


def test_bits_that_never_change_are_proven_so(tmp_path):
    signals = {
        ("truncmac_pe", name) for name in ("(a + 1'h1)", "count", "(next count)", "a", "absent")
    }
    assert shared_modules(VERILOG) == ["truncmac_pe"]
    assert constant_bits(VERILOG, ["truncmac_pe"], signals, tmp_path) == {
        ("truncmac_pe", "count", 2),
        ("truncmac_pe", "(next count)", 2),
    }
    count_to_four = VERILOG.replace("count == 3'h2", "count == 3'h4")
    assert constant_bits(count_to_four, ["truncmac_pe"], signals, tmp_path) == set()


def test_waivers_are_held_against_the_points():
    waiver = Waiver("tied", "constant", "toggle", "truncmac_*", "a#", bits="0-1 3", edge="1->0")
    hit, missed = (Point("toggle", "truncmac_pe", 0, f"a$7[{bit}]:1->0") for bit in (0, 3))
    others = [
        Point("toggle", "truncmac_pe", 0, "a[2]:1->0"),
        Point("toggle", "truncmac_pe", 0, "a[3]:0->1"),
        Point("toggle", "truncmac_pe", 0, "ab[3]:1->0"),
        Point("toggle", "top", 0, "a[3]:1->0"),
        Point("expr", "truncmac_pe", 1, "a$7[3]:1->0"),
    ]
    found = review({hit: 1, missed: 0} | dict.fromkeys(others, 0), [waiver])
    assert found.waived == {missed: waiver}
    assert found.refuted == [(hit, waiver)]
    assert set(found.constants) == {("truncmac_pe", "a$7", 3)}


def test_the_list_of_waivers_is_read():
    waivers = read_waivers()
    assert len(waivers) > 30
    assert {waiver.proof for waiver in waivers} == {"constant", "argument"}
    assert {waiver.kind for waiver in waivers} <= {"line", "branch", "toggle", "expr"}
    assert all(len(waiver.reason.split()) > 2 for waiver in waivers)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reason": " "}, "Waiver of pe * must have a reason"),
        ({"kind": "x"}, "Kind of a waiver must be of line, branch, toggle, expr, not x"),
        ({"proof": "x"}, "Proof of a waiver must be of constant, argument, not x"),
    ],
)
def test_a_waiver_without_a_reason_or_of_no_kind_is_refused(changes, message):
    good = {"reason": "tied", "proof": "constant", "kind": "toggle", "module": "pe"}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Waiver(**good | changes)
