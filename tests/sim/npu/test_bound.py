"""The bound of a network's cycles is that of its products on the array."""

import pytest

from tests.sim.npu.networks import CONFIGS
from truncmac.golden import Setting, builtin_images, builtin_network, network_gemms
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.bound import bound_cycles
from truncmac.sim.npu.compiler import compile_network


@pytest.mark.parametrize("config", [NpuConfig(), *CONFIGS[1:5]], ids=str)
def test_it_is_of_each_layers_product(config):
    network = builtin_network()
    compiled = compile_network(network, config, [Setting("8", 8)])
    array = config.array
    for bits in (8, 2, 1):
        expected = 0
        for gemm in network_gemms(network, builtin_images()[0][:1], bits):
            row_tiles = -(-gemm.rows // array.rows)
            column_tiles = -(-gemm.columns // array.cols)
            beats = -(-gemm.reduction // array.lanes)
            expected += row_tiles * column_tiles * beats * -(-gemm.bits // array.planes)
        assert bound_cycles(compiled, bits) == expected
