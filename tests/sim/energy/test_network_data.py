"""What toggles in whole layers, against counts of parts, plain loops and netlists' energies."""

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest

from tests.golden.networks import small_network
from tools.energy_runs import read_table
from truncmac.golden import (
    Gemm,
    builtin_images,
    builtin_network,
    each_gemm,
    example_images,
    example_network,
    network_gemms,
)
from truncmac.golden import weight_offset as offset_of
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.energy import network_data as module
from truncmac.sim.energy.layers import layer_parts
from truncmac.sim.energy.model import load
from truncmac.sim.energy.network_data import IMAGES, NetworkData, layer_switching
from truncmac.sim.energy.switching import adder_toggles, density, weight_toggles
from truncmac.sim.schedule.blocks import UNLIMITED
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.names import network_workload


def gemm(rows, reduction, columns, bits):
    rng = np.random.default_rng(rows)
    return Gemm(
        name="layer",
        activations=rng.integers(0, 256, (rows, reduction), np.uint8),
        codes=rng.integers(0, 256, (reduction, columns), np.uint8),
        bits=bits,
        offset=offset_of(bits),
    )


@pytest.mark.parametrize(("lanes", "planes"), [(3, 1), (4, 2), (2, 8)])
@pytest.mark.parametrize("bits", [8, 3])
def test_a_layer_is_the_mean_of_its_tiles(lanes, planes, bits):
    config = ArrayConfig(2, 2, lanes, planes, max_reduction=64)
    layer = gemm(4, 2 * lanes + 1, 6, bits)
    tiles = [
        replace(layer, activations=layer.activations[r : r + 2], codes=layer.codes[:, c : c + 2])
        for r in (0, 2)
        for c in (0, 2, 4)
    ]
    found = layer_switching(layer, config)
    for measure in (density, weight_toggles, adder_toggles):
        mean = np.mean([measure(tile, config) for tile in tiles])
        assert getattr(found, measure.__name__) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(("batches", "share"), [(1, 1), (1, 2), (3, 2), (2, 4)])
def test_sums_follow_each_other_as_they_leave_the_array(batches, share):
    """Tile by tile, column tiles outside; row by row, the columns of a unit in turn.

    Of codes 0, which fill the columns, S is -z times the sum of the activations.
    """
    config = ArrayConfig(4, 4, 2, 1, max_reduction=64, requantisers=4 // share)
    layer = gemm(6, 5, 7, 4)  # no batch fills its last tile of rows, nor the columns theirs
    sums, units = layer.sums(), [[] for _ in range(config.requantisers)]
    idle = -layer.offset * layer.activations.sum(axis=1, dtype=int)
    size = 6 // batches
    for left in range(0, 7, 4):
        for batch in range(batches):
            for row in range(-(-size // 4) * 4):
                at = batch * size + row
                for column in range(left, left + 4):
                    value = 0
                    if row < size:
                        value = sums[at, column] if column < 7 else idle[at]
                    units[column % config.requantisers].append(int(value))
    mask = (1 << config.sum_width) - 1
    changed = [((a ^ b) & mask).bit_count() for values in units for a, b in pairwise(values)]
    assert layer_switching(layer, config, batches).sum_toggles == np.mean(changed)


def test_drawn_outputs_stand_for_all(monkeypatch):
    config = ArrayConfig(8, 8, 16, 2)
    images = builtin_images()[0][:4]
    layers = network_gemms(builtin_network(), images, 4)
    drawn = [layer_switching(layer, config).adder_toggles for layer in layers]
    monkeypatch.setattr(module, "OUTPUTS", 1 << 20)
    every = [layer_switching(layer, config).adder_toggles for layer in layers]
    assert drawn != every
    assert drawn == pytest.approx(every, rel=0.01)


def test_images_are_spread_and_batches_whole():
    network, (images, _) = builtin_network(), builtin_images()
    data = NetworkData.of(network, images)
    assert len(data.images) == IMAGES
    assert (data.images[1] == images[len(images) // IMAGES]).all()
    assert len(NetworkData.of(network, images[:3]).images) == 3
    assert len(NetworkData.of(network, images, batch=5).images) == 15
    large = NetworkData.of(network, images[:9], batch=100)
    assert (len(large.images), large.batch) == (9, 9)


@pytest.mark.parametrize(("count", "images"), [(1, "1 image"), (2, "2 images")])
def test_about_the_data(count, images):
    """The images have 6 bits, and what other layers read 4: all of which is said once."""
    network = small_network()
    data = NetworkData.of(network, np.zeros((count, 2, 7, 6), np.uint8))
    assert data.about == f"the network's own activation codes of 4 and 6 bits on {images}"


def test_each_layer_at_each_k_of_the_network():
    """The network has no parameters for k = 3: activations are those of k = 4."""
    network, images = builtin_network(), builtin_images()[0]
    data, config = NetworkData.of(network, images), ArrayConfig(8, 8, 4, 2)
    found = data.switching(config, [8, 3])
    assert [len(layers) for layers in found] == [len(network.products)] * 2
    for layers, known, k in ((found[0], 8, 8), (found[1], 4, 3)):
        for product, own, one in zip(
            network.products, layers, network_gemms(network, data.images, known), strict=True
        ):
            follows = product.bits is None
            same = replace(one, bits=k, offset=offset_of(k)) if follows else one
            assert own == layer_switching(same, config, len(data.images))
            assert all(np.isfinite(astuple(own)))


def test_truncated_layers_keep_their_kind_of_offset():
    network, images = builtin_network(), builtin_images()[0][:2]
    other = tuple(
        replace(layer, offset="twos_complement") if layer in network.products else layer
        for layer in network.layers
    )
    for one, offsets in ((network, (7, 255)), (replace(network, layers=other), (8, 256))):
        found = []
        each_gemm(one, images, 3, found.append)
        for layer, own in zip(one.products, found, strict=True):
            expected = (3, offsets[0]) if layer.bits is None else (8, offsets[1])
            assert (own.bits, own.offset) == expected


@pytest.mark.parametrize(("lanes", "planes"), [(16, 2), (8, 1)])
def test_layers_of_a_network_come_out_as_on_the_netlist(lanes, planes):
    """No figure was made from the runs of resnet20's layers on the netlist.

    The netlist ran parts of six tiles of each layer, and the array fills at each one's start.
    """
    figures, config = load(lanes, planes), ArrayConfig(8, 8, lanes, planes)
    network = example_network("resnet20")
    workload, bits = network_workload(network), [8, 4, 2, 1]
    data = NetworkData.of(network, example_images("resnet20", 1))
    names, layers = [layer.name for layer in workload.layers], Layers.of(workload)
    widths = np.array(bits)[:, None]
    found = schedule(layers, Sizes.of(config), UNLIMITED, widths)
    clock, own = 1e12 / figures.period_ps, layers.bits(widths)
    held = [
        run
        for run in read_table().runs_of("ihp-sg13g2", lanes, planes)
        if (run.network, run.config) == ("resnet20", config) and run.network_bits in bits
    ]
    errors = {}
    for known in (data.switching(config, bits), None):
        parts = layer_parts(layers, figures, clock, config, found, own, known, glitches=False)
        energies = sum(parts.values()) / layers.macs
        errors[known is None] = [
            energies[bits.index(run.network_bits), names.index(run.layer)]
            / (run.measured_pj / run.macs)
            - 1
            for run in held
        ]
    assert len(errors[False]) == 24
    assert np.abs(errors[False]).max() < 0.05
    assert np.abs(errors[True]).max() > 0.10  # were nothing known of the data
