import re

import pytest

from truncmac.sim.rtl.npu.pauses import Pauses


def test_plusargs():
    pauses = Pauses(latency=7, shares={"r": 0.5}, gaps={"ar": 3}, seed=4)
    assert pauses.plusargs() == ["+latency=7", "+stall_r=128", "+gap_ar=3", "+stall_seed=5"]
    assert len(Pauses.everywhere(0.25).plusargs()) == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latency": 0}, "Latency must be in 1..65536, not 0"),
        ({"shares": {"x": 0.1}}, "Channel must be one of ar, r, aw, w, b, not 'x'"),
        ({"shares": {"r": 1.0}}, "Share of pauses of r must be in 0.0..0.99, not 1.0"),
        ({"gaps": {"b": 256}}, "Cycles a transfer of b must be in 1..255, not 256"),
    ],
)
def test_pauses_that_cannot_be_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Pauses(**settings)
