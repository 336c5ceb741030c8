"""What the shipped network promises, from the shipped files alone."""

import pytest

from truncmac.golden import (
    BUILTIN_IMAGES,
    BUILTIN_NETWORK,
    Conv2d,
    Linear,
    accuracy,
    builtin_images,
    builtin_network,
    execute,
    network_gemms,
)
from truncmac.hw.config import ArrayConfig
from truncmac.sim.axi.memories import Memories


@pytest.mark.parametrize(("bits", "floor"), [(8, 0.97), (4, 0.97), (2, 0.97), (1, 0.93)])
def test_accuracy_of_the_integer_network(bits, floor):
    images, labels = builtin_images()
    assert accuracy(execute(builtin_network(), images, bits).logits, labels) >= floor


def test_it_has_the_layers_that_it_is_meant_to_show():
    layers = builtin_network().layers
    assert sum(isinstance(layer, Conv2d) for layer in layers) >= 3
    assert sum(isinstance(layer, Linear) for layer in layers) == 1
    assert sum(getattr(layer, "residual", None) is not None for layer in layers) == 1


def test_files_are_small():
    assert BUILTIN_NETWORK.stat().st_size + BUILTIN_IMAGES.stat().st_size < 500_000


def test_it_fits_the_array_as_it_is_built_by_default():
    memories = Memories(ArrayConfig())
    network, (images, _) = builtin_network(), builtin_images()
    for bits in network.bit_widths:
        for gemm in network_gemms(network, images[:1], bits):
            memories.add(gemm)
    assert memories.depth > 0
