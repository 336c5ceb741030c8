import pytest

from truncmac.golden import builtin_images, builtin_network
from truncmac.hw.config import ArrayConfig
from truncmac.sim.allocate.costs import COSTS, LayerCosts
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.workloads.names import network_workload

NETWORK = builtin_network()
IMAGES = builtin_images()[0][:4]


def test_cycles_are_those_of_each_layer_by_itself():
    config = ArrayConfig(4, 8, 4, 2)
    costs = COSTS["cycles"](NETWORK, config, IMAGES)
    assert (costs.unit, costs.key) == ("cycles", "cycles")
    platform = Platform("p", config, 1e8, Memory(1 << 30, 1 << 30, 1e15))
    found = analyse(network_workload(NETWORK), platform, [8, 3])
    for record in found.layer_records():
        # What a layer before it hides, such as loading parameters, is not counted twice
        alone = costs.of(record["layer"], record["k"])
        assert alone == pytest.approx(record["array_cycles"], rel=0.1), record["layer"]
    first = NETWORK.products[0]  # which has a k of its own
    assert costs.of(first.name, 1) == costs.of(first.name, 8)


def test_energies_are_whole_nanojoules_where_all_layers_have_figures():
    costs = COSTS["energy"](NETWORK, ArrayConfig(4, 4, 16, 2), IMAGES)
    assert (costs.unit, costs.key) == ("nJ", "energy_nj")
    for layer in NETWORK.products:
        values = [costs.of(layer.name, k) for k in (1, 2, 4, 8)]
        assert all(isinstance(int(value), int) and value > 0 for value in values)
        assert values == sorted(values)
        assert (values[0] == values[-1]) == (layer.bits is not None)


def test_a_k_without_costs_is_named():
    costs = LayerCosts(unit="nJ", about="", values={8: {"a": 3}, 2: {"a": 1}})
    assert costs.of("a", 2) == 1
    with pytest.raises(ValueError, match="^Costs in nJ are known at k = 8, 2, not 4$"):
        costs.of("a", 4)
