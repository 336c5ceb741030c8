"""What toggles in a run, against plain loops, by hand, and against a netlist's registers."""

from itertools import pairwise

import numpy as np
import pytest

from tests.sim.netlist.tiny import tiny_library
from truncmac.golden import Gemm, weight_offset
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.sim.characterise.lockstep import run_parts
from truncmac.sim.characterise.measure import Core
from truncmac.sim.characterise.parts import parts
from truncmac.sim.energy.switching import (
    Switching,
    adder_toggles,
    density,
    mean_switching,
    sum_toggles,
    weight_toggles,
)
from truncmac.sim.netlist.mapping import MappingOptions

TILES = 2


def gemm(config, bits, reduction, seed=0):
    rng = np.random.default_rng(seed)
    rows = TILES * config.rows
    return Gemm(
        name="part",
        activations=rng.integers(0, 256, (rows, reduction), np.uint8),
        codes=rng.integers(0, 256, (reduction, config.cols), np.uint8),
        bits=bits,
        offset=weight_offset(bits),
    )


def operands(part, config, row, column):
    """Activations and weight chunks of one PE, in order: lists of lanes."""
    chunks = chunk_count(part.bits, config.planes)
    for tile in range(TILES):
        for start in range(0, part.activations.shape[1], config.lanes):
            lanes = slice(start, start + config.lanes)
            a = [int(v) for v in part.activations[tile * config.rows + row, lanes]]
            w = [int(v) >> 8 - part.bits << 8 - part.bits for v in part.codes[lanes, column]]
            a, w = ([*values, *[0] * (config.lanes - len(values))] for values in (a, w))
            for chunk in range(chunks):
                shift = 8 - config.planes * (chunk + 1)
                bits = [v >> shift if shift >= 0 else v << -shift for v in w]
                yield a, [v & (1 << config.planes) - 1 for v in bits]


def added(terms, seen):
    """The sum of a balanced tree; appends every adder's."""
    while len(terms) > 1:
        pairs = [terms[i] + terms[i + 1] for i in range(0, len(terms) - 1, 2)]
        seen += pairs
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]


def values(a, w, planes):
    """Products and sums of one chunk."""
    products = [[x * (y >> p & 1) << p for x, y in zip(a, w, strict=True)] for p in range(planes)]
    seen = [value for plane in products for value in plane]
    if planes == 8:
        added([added(list(lane), seen) for lane in zip(*products, strict=True)], seen)
    else:
        added([added(plane, seen) for plane in products], seen)
    return seen


def toggles(sequence):
    """Bits that differ from each to the next, around the end."""
    return sum((x ^ y).bit_count() for x, y in pairwise([sequence[-1], *sequence]))


SHAPES = [(1, 8), (3, 8), (4, 1), (5, 1), (3, 2), (2, 4)]


@pytest.mark.parametrize("bits", [8, 3, 1])
@pytest.mark.parametrize(("lanes", "planes"), SHAPES)
def test_counts_are_those_of_plain_loops(lanes, planes, bits):
    config = ArrayConfig(2, 3, lanes, planes, max_reduction=64)
    part = gemm(config, bits, reduction=2 * lanes + 1)
    of_adders = of_weights = 0
    for column in range(config.cols):
        for row in range(config.rows):
            chunks = list(operands(part, config, row, column))
            found = [values(a, w, planes) for a, w in chunks]
            of_adders += sum(map(toggles, zip(*found, strict=True)))
        of_weights += sum(map(toggles, zip(*[w for _, w in chunks], strict=True)))
    steps = len(chunks)
    assert adder_toggles(part, config) == of_adders / (steps * config.rows * config.cols)
    assert weight_toggles(part, config) == of_weights / (steps * config.cols * lanes)


def test_one_pe_by_hand():
    """Products 3 x 1 + 1 x 1 = 4, then 3 x 0 + 1 x 1 = 1: 2 bits of a product, 2 of the sum."""
    config = ArrayConfig(1, 1, 2, 1, max_reduction=64)
    part = Gemm(
        name="part",
        activations=np.array([[3, 1]], np.uint8),
        codes=np.array([[0b10000000], [0b11000000]], np.uint8),
        bits=2,
        offset=weight_offset(2),
    )
    # Around the end the same bits toggle again: 4 + 4 in two chunks
    assert adder_toggles(part, config) == 4.0
    assert weight_toggles(part, config) == 2 / (2 * 2)


def test_the_mean_counts_what_holds_outputs():
    config = ArrayConfig(2, 2, 2, 1, max_reduction=64)
    full = [gemm(config, 4, 6, seed) for seed in (0, 1, 0)]
    plain = mean_switching(full, config, (1.0, 1.0))

    def mean(measure):
        return np.mean([measure(part, config) for part in full])

    measures = (density, weight_toggles, adder_toggles, sum_toggles)
    assert plain == pytest.approx(Switching(*map(mean, measures)))
    half = mean_switching(full, config, (0.5, 0.25))
    assert half == pytest.approx(
        Switching(
            2 * plain.density, 4 * plain.weight_toggles, 8 * plain.adder_toggles, plain.sum_toggles
        )
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.mark.long
@pytest.mark.parametrize("bits", [8, 5, 2])
@pytest.mark.parametrize(("lanes", "planes"), [(3, 2), (2, 1), (1, 8)])
def test_a_netlists_registers_toggle_as_counted(cache, lanes, planes, bits):
    """Weight registers, and the registers of the sums that the adders end in."""
    config = ArrayConfig(2, 2, lanes, planes, max_reduction=16, multiplier_bits=4)
    core = Core(config, tiny_library(cache), MappingOptions(500.0), cache)
    part = gemm(config, bits, reduction=7)
    cut = parts(part, config, TILES)
    run = run_parts(core.simulator, cut, config)
    of_weights = of_sums = 0
    for column in range(config.cols):
        for row in range(config.rows):
            chunks = list(operands(part, config, row, column))
            of_sums += toggles([values(a, w, planes)[-1] for a, w in chunks])
        of_weights += sum(map(toggles, zip(*[w for _, w in chunks], strict=True)))
    assert register_toggles(core, run, "truncmac_cluster/weights") == of_weights
    assert register_toggles(core, run, "truncmac_pe/chunk_sum") == of_sums
    steps = len(chunks) * config.cols * lanes
    assert weight_toggles(part, config) == of_weights / steps


def register_toggles(core, run, scope):
    """Of a stream; all have the same data here."""
    total = 0
    for group, _ in core.netlist.registers("ff"):
        own = [core.netlist.scopes[i].startswith(scope) for i in group.scopes]
        nets = group.nets(group.names[-1])[own]
        total += int(run.activity.toggles[nets].sum())
    assert total % run.activity.streams == 0
    return total // run.activity.streams
