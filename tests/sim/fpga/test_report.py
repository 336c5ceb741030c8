import json
import re

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.fpga.report import FpgaReport, read_report

CONFIG = ArrayConfig(2, 2, 4, 1, 288)
REPORT = FpgaReport(
    device="LFE5U-25F",
    used={"luts": 1200, "ffs": 500, "dsps": 5, "brams": 1},
    available={"luts": 24000, "ffs": 24000, "dsps": 28, "brams": 56},
    wrapper={"luts": 200, "ffs": 100, "dsps": 0, "brams": 1},
    fmax_mhz=112.99,
    versions={"truncmac": "1"},
)
CONTENT = vars(REPORT) | {"array": vars(CONFIG), "digest": "d", "seed": 1}


def test_a_report_goes_through_its_file(tmp_path):
    (tmp_path / "fpga.json").write_text(json.dumps(CONTENT))
    assert read_report(tmp_path / "fpga.json") == (CONFIG, REPORT)


def test_the_array_takes_what_the_wrapper_does_not():
    assert REPORT.array == {"luts": 1000, "ffs": 400, "dsps": 5, "brams": 0}


@pytest.mark.parametrize("name", ["array", *vars(REPORT)])
def test_a_file_that_lacks_something_is_named(name, tmp_path):
    path = tmp_path / "fpga.json"
    path.write_text(json.dumps({key: value for key, value in CONTENT.items() if key != name}))
    message = f"{path}: must be a report of truncmac fpga: KeyError({name!r})"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_report(path)
