"""A plan becomes operations whose flags let the next band be loaded, and the last be stored."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.sim.npu.networks import run, small_memory
from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    Operation,
    Region,
    pack_descriptor,
    split_address,
    unpack_descriptor,
)
from truncmac.golden import (
    Conv2d,
    Flatten,
    ImageSpec,
    MaxPool,
    Network,
    ProgramError,
    Setting,
    execute,
)
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.npu.actions import actions_of
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.plan import NoRoomError, Planner
from truncmac.sim.npu.planning import machine_of
from truncmac.sim.npu.stimulus import random_images, random_network

ARRAY = ArrayConfig(rows=4, cols=4, lanes=2)


def codes_network(layers, image=(2, 16, 8), seed=0):
    """A network that gives codes."""
    rng = np.random.default_rng(seed)
    channels, tensors = {"image": image[0]}, {}
    for layer in layers:
        channels[layer.name] = channels[layer.input]
        if isinstance(layer, Conv2d):
            shape = (4, channels[layer.input], 3, 3)
            tensors[f"{layer.name}.codes"] = rng.integers(0, 256, shape, np.uint8)
            tensors[f"{layer.name}.b8.multiplier"] = rng.integers(1, 99, 4)
            tensors[f"{layer.name}.b8.bias"] = rng.integers(-(1 << 20), 1 << 20, 4)
            tensors[f"{layer.name}.b8.shift"] = np.full(4, 12)
            if layer.residual is not None:
                tensors[f"{layer.name}.b8.residual_multiplier"] = rng.integers(1, 99, 4)
            channels[layer.name] = 4
    return Network("codes", ImageSpec(*image, 8), (8,), tuple(layers), tensors)


def conv(name, source, **more):
    return Conv2d(name, source, out_bits=8, padding=(1, 1), pad_code=9, **more)


def program_of(compiled):
    """Operation and fields of each descriptor."""
    offset = compiled.entries[0].offset
    return [
        unpack_descriptor(compiled.program[offset + 64 * at : offset + 64 * (at + 1)])
        for at in range(compiled.descriptors)
    ]


def with_fields(compiled, at, **changes):
    """The network compiled, with other fields in a descriptor."""
    operation, values = program_of(compiled)[at]
    data = bytearray(compiled.program)
    place = compiled.entries[0].offset + DESCRIPTOR_BYTES * at
    data[place : place + DESCRIPTOR_BYTES] = pack_descriptor(operation, values | changes)
    return replace(compiled, program=bytes(data))


def test_a_round_loads_the_next_band_and_stores_the_last():
    network = codes_network([conv("a", "image")], image=(2, 24, 8))
    compiled = compile_network(network, NpuConfig(array=ARRAY, depth=32), [Setting("8", 8)])
    (segment,) = compiled.plan.segments
    count = len(segment.bands)
    assert (segment.loads_beside, segment.stores_beside, count > 3) == (True, True, True)
    told = [
        (operation.name, values.get("wait", 0), values.get("beside", 0))
        for operation, values in program_of(compiled)[1:-1]
    ]
    first = [("LOAD", 0, 0), ("LOAD", 0, 1), ("CONV", 0, 0)]
    inner = [("LOAD", 1, 1), ("STORE", 0, 1), ("CONV", 0, 0)]
    last = [("STORE", 1, 1), ("CONV", 0, 0), ("STORE", 1, 0)]
    assert told == first + inner * (count - 2) + last
    # The bands of the image follow each other with the rows around them
    addresses = [
        split_address(values["address"])
        for operation, values in program_of(compiled)
        if operation == Operation.LOAD
    ]
    rows = [band.rows["image"][0] for band in segment.bands]
    assert addresses == [(Region.INPUT, row * 8 * 2) for row in rows]


def test_every_flag_of_a_round_is_needed():
    network = codes_network([conv("a", "image")], image=(2, 24, 8))
    compiled = compile_network(network, NpuConfig(array=ARRAY, depth=32), [Setting("8", 8)])
    image = random_images(network, 1)[0]
    output, _, _ = run(compiled, compiled.entries[0], image)
    assert np.array_equal(output, execute(network, image[None], 8).outputs["a"][0])
    waits = [at for at, (_, values) in enumerate(program_of(compiled)) if values.get("wait")]
    assert len(waits) > 2
    for at in waits[:-1]:
        changed = with_fields(compiled, at, wait=0)
        with pytest.raises(ProgramError, match="must wait"):
            run(changed, changed.entries[0], image)


@pytest.mark.parametrize("seed", range(12))
def test_a_program_without_its_waits_is_refused(seed):
    network = random_network(seed)
    try:
        compiled = compile_network(network, small_memory(network, seed), [Setting("8", 8)])
    except NoRoomError:
        return
    told = program_of(compiled)
    changed = compiled
    for at, (_, values) in enumerate(told):
        if values.get("wait"):
            changed = with_fields(changed, at, wait=0)
    image = random_images(network, seed)[0]
    run(compiled, compiled.entries[0], image)
    if any(len(part.bands) > 2 and part.loads_beside for part in compiled.plan.segments):
        with pytest.raises(ProgramError, match="must wait"):
            run(changed, changed.entries[0], image)


def test_spilled_maps_do_not_share_bytes():
    layers = [conv("a", "image"), conv("b", "a"), conv("c", "b", residual="a"), conv("d", "c")]
    network = codes_network(layers)
    for keep in (False, True):
        compiled = compile_network(
            network, NpuConfig(array=ARRAY, depth=24), [Setting("8", 8)], keep=keep
        )
        areas = sorted((part.offset, part.size) for part in compiled.spilled.values())
        assert len(areas) > 1
        assert all(a[0] + a[1] <= b[0] for a, b in pairwise(areas))
        assert areas[-1][0] + areas[-1][1] <= compiled.scratch_bytes
        if keep:
            assert set(compiled.spilled) < set(compiled.kept)
            assert all(compiled.kept[name] == part for name, part in compiled.spilled.items())
        image = random_images(network, 3)[0]
        output, kept, _ = run(compiled, compiled.entries[0], image)
        expected = execute(network, image[None], 8).outputs
        assert np.array_equal(output, expected["d"][0])
        for name in set(kept) & set(expected):
            assert np.array_equal(kept[name].transpose(2, 0, 1), expected[name][0])


def test_kept_maps_are_stored_band_by_band():
    """Maps between the layers of a band are nowhere as a whole, but for the stores."""
    layers = [conv("a", "image"), MaxPool("p", "a", (2, 2), (2, 2))]
    network = codes_network(layers, image=(2, 32, 16))
    config = NpuConfig(array=ARRAY, depth=96)
    plain = compile_network(network, config, [Setting("8", 8)])
    kept = compile_network(network, config, [Setting("8", 8)], keep=True)
    inner = [part for part in plain.plan.segments if "a" in part.run.made]
    assert "a" not in plain.spilled
    bands = len(inner[0].bands)
    assert bands > 1
    assert kept.descriptors == plain.descriptors + 3 * bands  # of image, a and p
    image = random_images(network, 3)[0]
    _, found, _ = run(kept, kept.entries[0], image)
    expected = execute(network, image[None], 8).outputs
    for name in ("a", "p"):
        assert np.array_equal(found[name].transpose(2, 0, 1), expected[name][0])


def test_an_image_that_is_the_output_passes_by_bands():
    network = codes_network([Flatten("flat", "image")], image=(2, 40, 8))
    compiled = compile_network(network, NpuConfig(array=ARRAY, depth=20), [Setting("8", 8)])
    (segment,) = compiled.plan.segments
    assert (segment.run.loaded, segment.run.stored) == (("image",), ("image",))
    assert len(segment.bands) > 1
    image = random_images(network, 3)[0]
    output, _, _ = run(compiled, compiled.entries[0], image)
    assert np.array_equal(output, image.reshape(-1))


def test_a_row_inside_a_block_has_no_place():
    network = codes_network([conv("a", "image")], image=(2, 24, 8))
    config = NpuConfig(array=ARRAY, depth=32)
    compiled = compile_network(network, config, [Setting("8", 8)])
    (segment,) = compiled.plan.segments
    run_ = replace(segment.run, resident=frozenset(["a"]), stored=())
    layouts = {name: replace(layout, tile_x=0) for name, layout in segment.layouts.items()}
    wrong = replace(segment, run=run_, layouts=layouts, stores_beside=False)
    spots = dict(compiled.plan.spots) | {("a", -1, 0): (2, 0)}
    plan = replace(compiled.plan, segments=(wrong,), spots=spots)
    with pytest.raises(RuntimeError, match="of 'a' is not the first of a row of blocks"):
        actions_of(plan, machine_of(config), {})


def test_what_is_added_to_a_band_begins_below_the_rows_around_it(monkeypatch):
    """The image is read with rows around the band, and added without them."""

    def together(planner):
        run_ = planner._run(planner.steps.steps[1:3], frozenset(planner.steps.maps))
        return planner._placed([planner.ways.best(run_, ())[1]])

    monkeypatch.setattr(Planner, "resident", lambda planner: None)
    monkeypatch.setattr(Planner, "banded", together)
    network = codes_network(
        [conv("a", "image"), conv("b", "a", residual="image")], image=(4, 48, 8)
    )
    compiled = compile_network(network, NpuConfig(array=ARRAY, depth=64), [Setting("8", 8)])
    (segment,) = compiled.plan.segments
    begins = [(band.rows["image"][0], band.rows["b"][0]) for band in segment.bands]
    assert any(first < given for first, given in begins)
    image = random_images(network, 4)[0]
    output, _, _ = run(compiled, compiled.entries[0], image)
    assert np.array_equal(output, execute(network, image[None], 8).outputs["b"][0])


def test_sums_of_a_band_follow_those_of_the_last():
    network = codes_network([conv("a", "image"), conv("b", "a")], image=(2, 48, 8))
    last = replace(network.layers[-1], out_bits=None)
    tensors = {n: array for n, array in network.tensors.items() if n != "b.b8.shift"}
    network = replace(network, layers=(network.layers[0], last), tensors=tensors)
    compiled = compile_network(network, NpuConfig(array=ARRAY, depth=32), [Setting("8", 8)])
    assert len(compiled.plan.segments[-1].bands) > 1
    image = random_images(network, 4)[0]
    output, _, _ = run(compiled, compiled.entries[0], image)
    assert np.array_equal(output, execute(network, image[None], 8).logits[0])
