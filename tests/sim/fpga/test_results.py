import json
import re

import numpy as np
import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.folder import ExplorationFolder
from truncmac.sim.explore.settings import spec_of
from truncmac.sim.fpga.report import FpgaReport
from truncmac.sim.fpga.results import read_placed


def report(config, luts, mhz):
    used = {"luts": luts + 100, "ffs": 50, "dsps": 4, "brams": 1}
    wrapper = {"luts": 100, "ffs": 20, "dsps": 0, "brams": 0}
    about = FpgaReport(
        device="LFE5U-25F",
        used=used,
        available=dict.fromkeys(used, 24_000),
        wrapper=wrapper,
        fmax_mhz=mhz,
        versions={"truncmac": "1"},
    )
    return vars(about) | {"array": vars(config)}


@pytest.fixture
def folder(tmp_path):
    for rows, luts, mhz in ((4, 1000, 80.0), (5, 1500, 40.0)):
        config = ArrayConfig(rows, 4, 4, 1, 288)
        (tmp_path / config.name).mkdir()
        (tmp_path / config.name / "fpga.json").write_text(json.dumps(report(config, luts, mhz)))
    return tmp_path


def table_of(folder, **constraints):
    space = {"rows": [4, 5, 6], "cols": 4, "lanes": 4, "planes": 1, "clock_mhz": [30, 60]}
    bounds = {name: {"max": most} for name, most in constraints.items()}
    settings = {"bits": [8], "space": space, "fpga": str(folder), "constraints": bounds}
    return evaluator_of(spec_of(settings)).evaluate(np.arange(6))


def test_what_was_not_placed_is_unknown(folder):
    table = table_of(folder, fpga_luts=1200)
    assert table["rows"].tolist() == [4, 4, 5, 5, 6, 6]
    assert table["fpga_luts"][:4].tolist() == [1000, 1000, 1500, 1500]  # without the wrapper
    assert (table["fpga_ffs"][0], table["fpga_dsps"][0], table["fpga_brams"][0]) == (30, 4, 1)
    assert all(np.isnan(table[name][4:]).all() for name in table if name.startswith("fpga_"))
    assert table["feasible"].tolist() == [True, True, False, False, False, False]
    # Where nothing asks for them the unplaced ones count; those too fast for the chip do not
    assert table_of(folder)["feasible"].tolist() == [True, True, True, False, True, True]


def test_results_that_cannot_be_used_are_named(folder):
    path = next(folder.glob("4x4*")) / "fpga.json"
    second = folder / "fpga.json"
    second.write_text(json.dumps(report(ArrayConfig(4, 4, 4, 1, 288), 999, 80.0)))
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: 4x4_l4.* twice, placed in"):
        read_placed(str(folder))
    for text in ("[", "[]", "{}", '{"array": {"rows": 0}, "used": {}, "wrapper": {}}'):
        second.write_text(text)
        with pytest.raises(ValueError, match=f"^{re.escape(str(second))}: must be a report of "):
            read_placed(str(folder))
    with pytest.raises(ValueError, match=r"nothing: must be a folder that truncmac fpga wrote$"):
        read_placed(str(folder / "nothing"))


def test_results_are_part_of_what_an_exploration_is(folder):
    evaluator = evaluator_of(spec_of({"fpga": str(folder)}))
    before = ExplorationFolder(folder, evaluator).digest
    path = next(folder.glob("4x4*")) / "fpga.json"
    path.write_text(json.dumps(report(ArrayConfig(4, 4, 4, 1, 288), 1001, 80.0)))
    evaluator = evaluator_of(spec_of({"fpga": str(folder)}))
    assert ExplorationFolder(folder, evaluator).digest != before
