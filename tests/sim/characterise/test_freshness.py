import json
import re

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import core_verilog
from truncmac.sim.characterise.freshness import rtl_sha256, stale_figures
from truncmac.sim.energy.figures import FOLDER

SMALL = ArrayConfig(1, 1, 1, 8)


def test_figures_of_two_shapes_are_of_the_rtl_that_the_package_emits(tmp_path):
    """Other technologies' figures are of the same RTL."""
    for name in ("ihp-sg13g2_l1_p8.json", "ihp-sg13g2_l8_p2.json"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    stale = stale_figures(tmp_path)
    assert not stale, "\n".join(stale)


@pytest.mark.long
def test_the_figures_are_of_the_rtl_that_the_package_emits():
    stale = stale_figures()
    assert not stale, "\n".join(stale)


@pytest.fixture(scope="module")
def verilog():
    return core_verilog(SMALL)


def test_comments_attributes_and_generated_names_do_not_count(verilog):
    other = verilog.replace("Yosys 0.", "Yosys 9.").replace("(* top", "(* new = 1 *) (* top")
    other = re.sub(r"\.cc:(\d+):", ".cc:9\\1:", other).replace("endmodule", "// end\n\n endmodule")
    assert other != verilog
    assert rtl_sha256(other) == rtl_sha256(verilog)


@pytest.mark.parametrize(("old", "new"), [("~", ""), (" + ", " - "), ("[7:0]", "[6:0]")])
def test_logic_counts(verilog, old, new):
    assert rtl_sha256(verilog.replace(old, new, 1)) != rtl_sha256(verilog)


def write(folder, digest, **more):
    (path,) = FOLDER.glob("ihp-sg13g2_l1_p8.json")
    data = json.loads(path.read_text())
    config = data["sizes"][0]["config"] | {"rows": 1, "cols": 1, "requantisers": 1} | more
    size = data["sizes"][0] | {"rows": 1, "cols": 1, "requantisers": 1}
    data["sizes"] = [size | {"rtl_sha256": digest, "config": config}]
    (folder / path.name).write_text(json.dumps(data))


def test_what_is_said_of_stale_figures(tmp_path, verilog):
    fresh = rtl_sha256(verilog)
    write(tmp_path, fresh)
    assert stale_figures(tmp_path) == []
    write(tmp_path, "0" * 64)
    assert stale_figures(tmp_path) == [
        "ihp-sg13g2_l1_p8.json: figures of 1 x 1 PEs are of other RTL (rtl_sha256 000000000000...) "
        f"than is emitted now ({fresh[:12]}...). Make them again with: "
        "make characterise LIBERTY_DIR=FOLDER"
    ]
    write(tmp_path, fresh, max_reduction=100)
    assert len(stale_figures(tmp_path)) == 1
