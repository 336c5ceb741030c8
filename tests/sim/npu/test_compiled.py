"""Images go in and outputs come out with channels innermost."""

import numpy as np

from tests.golden.networks import small_network
from truncmac.golden import Conv2d, Network, Setting
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.compiler import compile_network


def test_logits_are_made_of_sums():
    network = small_network()
    compiled = compile_network(network, NpuConfig(), [Setting("8", 8), Setting("2", 2)])
    assert compiled.output_bytes == 12
    sums = np.array([5, -7, 1 << 20], np.int64)
    for entry, bits in zip(compiled.entries, (8, 2), strict=True):
        multiplier = network.tensors[f"logits.b{bits}.multiplier"]
        bias = network.tensors[f"logits.b{bits}.bias"]
        found = compiled.output_of(entry, sums.astype("<i4").view(np.uint8))
        assert found.tolist() == (multiplier * sums + bias).tolist()


def test_codes_are_turned_to_the_networks_order():
    network = small_network()
    first = network.layers[:1]
    short = Network("short", network.image, (8,), first, network.tensors)
    compiled = compile_network(short, NpuConfig(), [Setting("8", 8)])
    assert isinstance(first[0], Conv2d)
    image = np.arange(2 * 7 * 6, dtype=np.uint8).reshape(2, 7, 6) % 64
    assert compiled.input_of(image)[:4].tolist() == [0, 42, 1, 43]
    codes = np.arange(5 * 7 * 6, dtype=np.uint8)
    found = compiled.output_of(compiled.entries[0], codes)
    assert found.shape == (5, 7, 6)
    assert found[3, 0, 1] == codes[5 + 3]
