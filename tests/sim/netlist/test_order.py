import re

import pytest

from truncmac.sim.netlist.order import drivers_first


def test_each_comes_after_all_that_drive_it():
    drivers = {"y": ["a", "b"], "a": ["b"], "b": [], "z": ["y", "a"]}
    order = drivers_first(drivers)
    assert sorted(order) == ["a", "b", "y", "z"]
    for key, before in drivers.items():
        assert all(order.index(name) < order.index(key) for name in before)


@pytest.mark.parametrize("drivers", [{"a": ["a"]}, {"a": ["b"], "b": ["c"], "c": ["a"]}])
def test_a_loop_is_refused(drivers):
    message = "Netlist has a combinational loop"
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        drivers_first(drivers)
