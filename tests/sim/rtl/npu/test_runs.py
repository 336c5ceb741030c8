import re

import pytest

from truncmac.descriptors import Region
from truncmac.sim.rtl.npu.runs import BusError, ProgramRun


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: BusError(Region.INPUT, 0, 4, "OKAY"),
            "Response must be SLVERR or DECERR, not 'OKAY'",
        ),
        (
            lambda: BusError(Region.INPUT, 0, 0),
            "A bus error must be at a byte of its region, and at least one long",
        ),
        (
            lambda: ProgramRun(dict.fromkeys(Region, b""), again_at=1, stop_at=2),
            "In a run software must start again or stop the program, not both",
        ),
        (lambda: ProgramRun({}), "A run must say what each of the four regions holds"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make()
