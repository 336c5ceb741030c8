"""Programs that are put together by hand leave what their operations are defined to leave."""

from dataclasses import replace

import numpy as np
import pytest

from tests.golden.programs import (
    MACHINE,
    SIZE,
    Memory,
    convolution,
    mapped,
    parameter_memory,
    sizes,
    weight_memory,
)
from truncmac.descriptors import (
    FORMAT_VERSION,
    Operation,
    ProgramFault,
    Region,
    pack_descriptor,
    to_address,
)
from truncmac.golden import Machine, MapPlace, ProgramError, avg_pool, max_pool, shortcut


def place(shape, group=0, base=0, tile_x=1, phases=(0, 0), machine=MACHINE):
    return MapPlace.packed(shape, machine, group=group, base=base, tile_x=tile_x, phases=phases)


def codes_of(shape, seed=0, limit=256):
    return np.random.default_rng(seed).integers(0, limit, shape, np.uint8)


def conv_values(codes, weights, memory, *, bits=8, offset=255, **more):
    data, pitch = weight_memory(weights, memory.machine)
    values = {
        **{"bits": bits, "offset": offset, "limit": 255, "weights_pitch": pitch},
        **{"stride_x": 1, "stride_y": 1, "dilation_x": 1, "dilation_y": 1},
        **{"kernel_y": weights.shape[0], "kernel_x": weights.shape[1]},
        **sizes("input", codes.shape),
    }
    return values | {"weights": memory.data(data)} | more


def adding(channels, strides=(1, 1)):
    """The fields of a residual, whose strides are powers of two."""
    down, across = (stride.bit_length() - 1 for stride in strides)
    shifts = {"residual_shift_y": down, "residual_shift_x": across}
    return {"residual": 1, "residual_channels": channels, **shifts}


def one_conv(seed, machine=MACHINE):
    """A random convolution with all that it can have, run, and its result by definition."""
    rng = np.random.default_rng(seed)
    memory = Memory(machine)
    kernel, stride, dilation = (
        tuple(int(n) for n in rng.integers(1, most, 2)) for most in (4, 4, 3)
    )
    reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    padding = tuple(int(rng.integers(0, max(n, 1) + 1)) for n in reach)
    height, width = (int(n) + r for n, r in zip(rng.integers(1, 7, 2), reach, strict=True))
    channels, columns, bits = (
        int(n) for n in (rng.integers(1, 6), rng.integers(1, 10), seed % 8 + 1)
    )
    size = tuple(
        (n + 2 * p - r - 1) // s + 1
        for n, p, r, s in zip((height, width), padding, reach, stride, strict=True)
    )
    codes, weights = (
        rng.integers(0, 256, shape, np.uint8)
        for shape in ((height, width, channels), (*kernel, channels, columns))
    )
    residual, raw = bool(rng.integers(2)), bool(rng.integers(4) == 0)
    offset, pad_code = int(rng.integers(0, 512)), int(rng.integers(0, 256))
    shape = (*size, columns)

    phases = [tuple(rng.integers(0, 2, 2).tolist()) for _ in range(2)]
    where = place(codes.shape, 0, 1, int(rng.integers(3)), phases[0], machine)
    target = place(shape, 1, 0, int(rng.integers(3)), phases[1], machine)
    down, across = (1 << rng.integers(0, 4 if max(size) < 4 else 2, 2)).tolist()
    fewer = int(rng.integers(1, columns + 1))
    # A pixel more to the right than those that are added, and two rows below
    given = (size[0] - 1) * down + 3, (size[1] - 1) * across + 2, fewer
    extra = place(given, 2, 0, int(rng.integers(3)), tuple(rng.integers(0, 3, 2).tolist()), machine)
    whole = rng.integers(0, 256, given, np.uint8)
    added = np.zeros(shape, np.uint8)
    added[..., :fewer] = whole[: given[0] - 2 : down, : given[1] - 1 : across]
    residual = residual and not raw
    memory.load(codes, where)
    memory.load(whole, extra, offset=SIZE // 2)
    sums = convolution(
        codes,
        weights,
        bits=bits,
        offset=offset,
        stride=stride,
        dilation=dilation,
        padding=padding,
        size=size,
        pad_code=pad_code,
    )
    arrays = {
        "multiplier": rng.integers(-1000, 1000, columns),
        "residual_multiplier": rng.integers(-(1 << 20), 1 << 20, columns),
        "bias": rng.integers(-(1 << 30), 1 << 30, columns),
        "shift": rng.integers(0, 24, columns),
    }
    limit = int(rng.integers(1, 256))
    values = conv_values(codes, weights, memory, bits=bits, offset=offset, limit=limit)
    values |= {"pad_code": pad_code, "pad_top": padding[0], "pad_left": padding[1]}
    values |= {"stride_y": stride[0], "stride_x": stride[1]}
    values |= {"dilation_y": dilation[0], "dilation_x": dilation[1]}
    values |= sizes("output", shape) | mapped("input", where) | mapped("output", target)
    values |= mapped("residual", extra) | adding(fewer, (down, across))
    values |= {"raw": int(raw), "residual": int(residual)}
    values["parameters"] = (
        to_address(Region.OUTPUT, 64) if raw else memory.data(parameter_memory(**arrays))
    )
    memory.add(Operation.CONV, **values)
    if not raw:
        memory.store(shape, target)
    traffic = memory.run()
    if raw:
        found = memory.regions[Region.OUTPUT][64 : 64 + 4 * sums.size].view("<i4").reshape(shape)
        return found, sums, traffic, values
    total = arrays["multiplier"] * sums + arrays["bias"]
    if residual:
        total += arrays["residual_multiplier"] * added.astype(np.int64)
    expected = np.clip(total >> arrays["shift"], 0, limit)
    return memory.stored(shape), expected, traffic, values


@pytest.mark.parametrize("seed", range(80))
def test_convolutions_equal_their_definition(seed):
    found, expected, _, _ = one_conv(seed)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("lanes", "planes", "cols"), [(1, 8, 1), (4, 2, 2), (2, 4, 8), (8, 1, 16)])
def test_convolutions_on_other_arrays(lanes, planes, cols):
    machine = Machine(
        **{"rows": 4, "cols": cols, "lanes": lanes, "planes": planes, "max_reduction": 400},
        **{"groups": 3, "depth": 256, "bus_bytes": 16, "configuration": 0x1234},
    )
    for seed in range(8):
        found, expected, _, _ = one_conv(seed, machine)
        assert np.array_equal(found, expected)


def test_one_output_by_hand():
    """Codes 200 and 64 at k = 2: the top two bits are 3 and 1, and W = 2 ck - 3 is 3 and -1."""
    memory = Memory()
    codes = np.array([[[10, 20]]], np.uint8)
    weights = np.array([200, 64], np.uint8).reshape(1, 1, 2, 1)
    where, target = place((1, 1, 2)), place((1, 1, 1), 1)
    memory.load(codes, where)
    values = conv_values(codes, weights, memory, bits=2, offset=3)
    # S = 3 x 10 - 20 = 10; (7 S + 2) >> 2 = 18
    parameters = parameter_memory(multiplier=[7], bias=[2], shift=[2])
    values |= sizes("output", (1, 1, 1)) | mapped("input", where) | mapped("output", target)
    memory.add(Operation.CONV, **values, parameters=memory.data(parameters))
    memory.store((1, 1, 1), target)
    traffic = memory.run()
    assert memory.stored((1, 1, 1)).tolist() == [[[18]]]
    # Of the weights two chunks of one beat, a word of 4 columns x 2 lanes being a byte
    assert (traffic.weights, traffic.parameters) == (2, 16)
    assert (traffic.descriptors, traffic.loads, traffic.stores) == (5 * 64, 2, 1)


def test_only_the_prefix_of_the_weights_is_read():
    counts = {}
    for seed in range(24):
        _, _, traffic, values = one_conv(seed)
        beats = values["kernel_x"] * values["kernel_y"] * -(-values["input_channels"] // 2)
        tiles = -(-values["output_channels"] // 4)
        assert traffic.weights == tiles * beats * values["bits"]
        counts[values["bits"]] = counts.get(values["bits"], 0) + 1
    assert len(counts) == 8


def test_lanes_above_the_channels_have_no_effect():
    """A weight code of 0 is not a weight of zero: W = -z."""
    for garbage in (0, 255):
        memory = Memory()
        codes = np.array([[[3]]], np.uint8)
        weights = np.full((1, 1, 2, 1), garbage, np.uint8)
        weights[0, 0, 0] = 255
        where, target = place((1, 1, 1)), place((1, 1, 1), 1)
        memory.load(codes, where)
        values = conv_values(codes, weights, memory)
        values |= sizes("output", (1, 1, 1)) | mapped("input", where) | mapped("output", target)
        parameters = parameter_memory(multiplier=[1], bias=[0], shift=[3])
        memory.add(Operation.CONV, **values, parameters=memory.data(parameters))
        memory.store((1, 1, 1), target)
        memory.run()
        assert memory.stored((1, 1, 1)).item() == 3 * 255 >> 3


@pytest.mark.parametrize("seed", range(10))
def test_a_residual_may_be_where_the_output_goes(seed):
    rng = np.random.default_rng(seed)
    shape = (3, 5, 4)
    codes, added = codes_of((3, 5, 2), seed), codes_of(shape, seed + 1)
    weights = codes_of((1, 1, 2, 4), seed + 2)
    memory = Memory()
    where, target = place(codes.shape), place(shape, 2, 7, 2)
    memory.load(codes, where)
    memory.load(added, target, offset=1000)
    values = conv_values(codes, weights, memory, **adding(4))
    values |= sizes("output", shape) | mapped("input", where) | mapped("output", target)
    values |= mapped("residual", target)
    ones, extra = np.ones(4, np.int64), rng.integers(1, 9, 4)
    data = parameter_memory(multiplier=ones, residual_multiplier=extra, bias=ones, shift=ones)
    memory.add(Operation.CONV, **values, parameters=memory.data(data))
    memory.store(shape, target)
    memory.run()
    sums = codes.astype(np.int64) @ (2 * weights[0, 0].astype(np.int64) - 255)
    assert np.array_equal(memory.stored(shape), np.clip((sums + extra * added + 1) >> 1, 0, 255))


@pytest.mark.parametrize(
    ("changes", "refuses"),
    [
        ({}, False),
        # Behind the output's two words
        ({"residual_map_base": 2}, False),
        ({"residual_map_base": 1}, True),
        ({"residual_map_tile_x": 2}, True),
        ({"residual_channels": 3}, True),
        ({"residual_shift_x": 1}, True),
        ({"residual_shift_y": 1}, True),
        ({"residual_shift_y": 1, "residual_map_base": 2}, False),
    ],
)
def test_a_residual_that_is_overwritten_is_read_in_its_place(changes, refuses):
    """What is written before it is read would depend on the hardware's pace."""
    memory, shape = Memory(), (2, 2, 4)
    where, target = place((2, 2, 2)), place(shape, 1)
    memory.load(codes_of((2, 2, 2)), where)
    memory.load(codes_of((8, 8, 8), 1), place((8, 8, 8), 1), offset=100)
    values = conv_values(codes_of((2, 2, 2)), codes_of((1, 1, 2, 4)), memory, **adding(4))
    values |= sizes("output", shape) | mapped("input", where) | mapped("output", target)
    ones = np.ones(4, np.int64)
    data = parameter_memory(multiplier=ones, bias=ones, shift=ones)
    values |= mapped("residual", target) | {"parameters": memory.data(data)} | changes
    memory.add(Operation.CONV, **values)
    if refuses:
        refused(memory, None, "residual and output share words of group 1", 3)
    else:
        memory.run()


def test_a_residual_with_a_stride_needs_only_the_pixels_that_are_added():
    """Between them nothing was written; and what it reads runs beside nothing that writes it."""
    memory, shape = Memory(), (2, 2, 3)
    where, extra = place((2, 2, 2)), place((3, 3, 2), 2)
    memory.load(codes_of((2, 2, 2)), where)
    for y, x in ((0, 0), (0, 2), (2, 0), (2, 2)):
        one = replace(extra, base=extra.base + y // 2 * extra.step_y + x // 2 * extra.step_x)
        memory.load(codes_of((1, 1, 2), 10 * y + x), one, offset=100 * (1 + 3 * y + x))
    values = conv_values(codes_of((2, 2, 2)), codes_of((1, 1, 2, 3)), memory, **adding(2, (2, 2)))
    values |= sizes("output", shape) | mapped("input", where) | mapped("output", place(shape, 1))
    ones, extras = np.ones(3, np.int64), [1, 1, 1]
    data = parameter_memory(multiplier=0 * ones, residual_multiplier=extras, bias=ones, shift=ones)
    values |= mapped("residual", extra) | {"parameters": memory.data(data)}
    memory.add(Operation.CONV, **values)
    memory.store(shape, place(shape, 1))
    memory.run()
    expected = [[[*codes_of((1, 1, 2), 10 * y + x).reshape(-1), 0] for x in (0, 2)] for y in (0, 2)]
    assert np.array_equal(memory.stored(shape), (np.array(expected, np.int64) + 1) >> 1)

    memory.operations[-2] = pack_descriptor(Operation.CONV, values)
    last = replace(extra, base=extra.base + extra.step_y + extra.step_x)
    memory.load(codes_of((1, 1, 2)), last, offset=5000, beside=1)
    memory.operations.insert(-3, memory.operations.pop())
    with pytest.raises(ProgramError, match="touches group 2.*must wait"):
        memory.run()


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((1, 3), (1, 1), (0, 1)), ((3, 3), (2, 2), (1, 1)), ((2, 1), (1, 3), (1, 0))],
)
def test_load_packs_windows(kernel, stride, padding):
    image = codes_of((6, 7, 3))
    size = [
        (n + 2 * p - k) // s + 1 for n, p, k, s in zip((6, 7), padding, kernel, stride, strict=True)
    ]
    shape = (*size, 3 * kernel[0] * kernel[1])
    memory = Memory()
    memory.load(
        image,
        place(shape),
        **{"kernel_y": kernel[0], "kernel_x": kernel[1], "stride_y": stride[0]},
        **{"stride_x": stride[1], "pad_top": padding[0], "pad_left": padding[1], "pad_code": 77},
        **sizes("output", shape),
    )
    memory.store(shape, place(shape))
    memory.run()
    around = np.full((6 + 2 * padding[0], 7 + 2 * padding[1], 3), 77, np.uint8)
    around[padding[0] : padding[0] + 6, padding[1] : padding[1] + 7] = image
    for y, x in np.ndindex(*size):
        top, left = y * stride[0], x * stride[1]
        window = around[top : top + kernel[0], left : left + kernel[1]]
        assert np.array_equal(memory.stored(shape)[y, x], window.reshape(-1))


def test_pitches_leave_bytes_between_the_rows():
    image = codes_of((3, 4, 2))
    memory = Memory()
    memory.load(
        np.zeros((3, 4, 2), np.uint8),
        place(image.shape),
        pitch=20,
        address=to_address(Region.INPUT, 5),
    )
    memory.store(image.shape, place(image.shape), pitch=11, address=to_address(Region.SCRATCH, 3))
    for y in range(3):
        memory.regions[Region.INPUT][5 + 20 * y : 13 + 20 * y] = image[y].reshape(-1)
    memory.regions[Region.SCRATCH][:] = 9
    memory.run()
    left = memory.regions[Region.SCRATCH]
    for y in range(3):
        assert np.array_equal(left[3 + 11 * y : 11 + 11 * y], image[y].reshape(-1))
        assert (left[11 + 11 * y : 14 + 11 * y] == 9).all()
    assert (left[:3] == 9).all()


@pytest.mark.parametrize("mean", [0, 1])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [((2, 3), (1, 2), 1), ((3, 3), (2, 2), 0)]
)
def test_pools(mean, kernel, stride, padding):
    padding = 0 if mean else padding
    codes = codes_of((7, 8, 3), mean)
    pooled = codes.transpose(2, 0, 1)[None]
    if mean:
        expected = avg_pool(pooled, kernel, stride)
    else:
        expected = max_pool(pooled, kernel, stride, (padding, padding))
    expected = expected[0].transpose(1, 2, 0)
    count = kernel[0] * kernel[1]
    memory = Memory()
    memory.load(codes, place(codes.shape))
    memory.add(
        Operation.POOL,
        # ceil(2**20 / 2n) is exact for these few taps
        **{"mean": mean, "reciprocal": -(-(1 << 20) // (2 * count)), "shift": 20},
        **{"kernel_y": kernel[0], "kernel_x": kernel[1], "stride_y": stride[0]},
        **{"stride_x": stride[1], "pad_top": padding, "pad_left": padding},
        **sizes("input", codes.shape),
        **sizes("output", expected.shape),
        **mapped("input", place(codes.shape)),
        **mapped("output", place(expected.shape, 1)),
    )
    memory.store(expected.shape, place(expected.shape, 1))
    memory.run()
    assert np.array_equal(memory.stored(expected.shape), expected)


def test_shortcut_takes_every_other_pixel_and_adds_channels_of_zero():
    codes = codes_of((5, 6, 3))
    expected = shortcut(codes.transpose(2, 0, 1)[None], 7, (2, 3))[0].transpose(1, 2, 0)
    memory = Memory()
    memory.load(codes, place(codes.shape))
    memory.add(
        Operation.SHORTCUT,
        **{"stride_y": 2, "stride_x": 3},
        **sizes("input", codes.shape),
        **sizes("output", expected.shape),
        **mapped("input", place(codes.shape)),
        **mapped("output", place(expected.shape, 2)),
    )
    memory.store(expected.shape, place(expected.shape, 2))
    memory.run()
    assert np.array_equal(memory.stored(expected.shape), expected)


def test_an_entry_may_be_anywhere_and_operations_are_told():
    memory, told = Memory(), []
    codes = codes_of((2, 2, 2))
    memory.load(codes, place(codes.shape))
    memory.store(codes.shape, place(codes.shape))
    memory.run(entry=640, on_operation=lambda index, operation: told.append((index, operation)))
    assert np.array_equal(memory.stored(codes.shape), codes)
    assert told == list(
        enumerate([Operation.BEGIN, Operation.LOAD, Operation.STORE, Operation.END])
    )


def refused(memory, fault, match, index, **options):
    before = {region: data.copy() for region, data in memory.regions.items()}
    with pytest.raises(ProgramError, match=match) as caught:
        memory.run(**options)
    assert caught.value.fault == fault
    assert caught.value.index == index
    assert str(caught.value).startswith(f"Descriptor {index}: ")
    for region in (Region.OUTPUT, Region.SCRATCH):
        assert np.array_equal(memory.regions[region], before[region])


def test_programs_that_are_not_for_the_machine_are_refused():
    memory = Memory()
    begin = memory.begin
    format_, space = ProgramFault.FORMAT, ProgramFault.SPACE
    refused(memory, format_, f"of format {FORMAT_VERSION}, not 1", 0, begin=begin(version=1))
    refused(memory, format_, "0x0", 0, begin=begin(magic=0))
    refused(memory, ProgramFault.CONFIGURATION, "0x00001234", 0, begin=begin(configuration=1))
    for region in Region:
        name = region.name.lower()
        memory.run(begin=begin(**{f"{name}_bytes": SIZE}))
        text = f"{SIZE + 1} bytes of the {name} region, which has {SIZE}"
        refused(memory, space, text, 0, begin=begin(**{f"{name}_bytes": SIZE + 1}))


def test_a_program_has_one_begin_and_an_end():
    memory = Memory()
    refused(memory, ProgramFault.FORMAT, "one BEGIN", 0, begin=bytes([Operation.END]) + bytes(63))
    memory.operations = [memory.begin()]
    refused(memory, ProgramFault.FORMAT, "one BEGIN", 1)
    memory = Memory()
    memory.regions[Region.PROGRAM] = np.zeros(64, np.uint8)
    refused(memory, ProgramFault.ADDRESS, "no END", 1, end=False)


@pytest.mark.parametrize("number", [0, 8, 9, 10, 11, 12, 255])
def test_unknown_and_reserved_operations_are_refused(number):
    memory = Memory()
    memory.operations = [bytes([number]) + bytes(63)]
    refused(memory, ProgramFault.OPERATION, "no operation", 1)


def faulty(changes, operation=Operation.CONV):
    """A CONV that is right but for some fields."""
    memory = Memory()
    codes, weights = codes_of((3, 3, 2)), codes_of((2, 2, 2, 3))
    shape = (2, 2, 3)
    memory.load(codes, place(codes.shape))
    values = conv_values(codes, weights, memory)
    values |= sizes("output", shape) | mapped("input", place(codes.shape))
    values |= mapped("output", place(shape, 1)) | mapped("residual", place(shape, 2))
    values |= {"residual_channels": 3}
    ones = np.ones(3, np.int64)
    parameters = memory.data(parameter_memory(multiplier=ones, bias=ones, shift=ones))
    memory.add(operation, **(values | {"parameters": parameters} | changes))
    return memory


def test_the_convolution_whose_faults_follow_is_right():
    faulty({}).run()


@pytest.mark.parametrize(
    ("changes", "fault", "match"),
    [
        ({"bits": 0}, ProgramFault.VALUE, "bits must be in 1..8, not 0"),
        ({"bits": 9}, ProgramFault.VALUE, "bits must be in 1..8, not 9"),
        ({"kernel_x": 0}, ProgramFault.VALUE, "kernel_x must be in 1..255, not 0"),
        ({"kernel_y": 0}, ProgramFault.VALUE, "kernel_y"),
        ({"stride_x": 0}, ProgramFault.VALUE, "stride_x must be in 1..15, not 0"),
        ({"stride_y": 0}, ProgramFault.VALUE, "stride_y"),
        ({"dilation_x": 0}, ProgramFault.VALUE, "dilation_x must be in 1..15"),
        ({"dilation_y": 0}, ProgramFault.VALUE, "dilation_y"),
        ({"input_width": 0}, ProgramFault.VALUE, "input_width must be in 1..65535, not 0"),
        ({"output_channels": 0}, ProgramFault.VALUE, "output_channels"),
        ({"kernel_x": 201, "kernel_y": 1}, ProgramFault.VALUE, "201 beats of 2 lanes.* up to 400"),
        ({"weights": 4}, ProgramFault.VALUE, "weights must be a multiple of 8, not 4"),
        ({"weights_pitch": 1}, ProgramFault.VALUE, "weights_pitch must be a multiple of 8, not 1"),
        ({"parameters": 4}, ProgramFault.VALUE, "parameters must be a multiple of 8, not 4"),
        (
            {"raw": 1, "parameters": to_address(Region.OUTPUT, 2)},
            ProgramFault.VALUE,
            "parameters must be a multiple of 4",
        ),
        ({"raw": 1, "residual": 1}, ProgramFault.VALUE, "raw sums have no residual"),
        ({"output_map_phase_x": 4}, ProgramFault.PLACE, r"2\*\*4 and 2\*\*0; the largest is 8"),
        ({"output_map_step_x": 1}, ProgramFault.PLACE, "2 words a pixel has 1 words a block"),
        # Faults are looked for in this order: values, groups, places
        ({"limit": 0, "output_width": 0, "input_map_group": 1}, ProgramFault.VALUE, "output_width"),
        ({"input_map_group": 1, "input_map_base": 999}, ProgramFault.GROUPS, "group 1"),
        (mapped("output", place((2, 2, 3), 0, 64)), ProgramFault.GROUPS, "output are in group 0"),
        (
            {"residual": 1, **mapped("residual", place((2, 2, 3), 0, 64))},
            ProgramFault.GROUPS,
            "residual are in group 0",
        ),
        (mapped("output", place((2, 2, 3), 3)), ProgramFault.PLACE, "group 3"),
        (mapped("output", place((2, 2, 3), 1, 255)), ProgramFault.PLACE, "257 of group 1"),
        ({"residual": 1}, None, "group 2 that nothing has written"),
        (adding(0), ProgramFault.VALUE, "residual_channels must be in 1..3, not 0"),
        (adding(4), ProgramFault.VALUE, "residual_channels must be in 1..3, not 4"),
        # With a stride the last pixel of 2 x 2 is at (2, 2); a word holds a block of 2 x 2 pixels
        (
            adding(1, (2, 1)) | mapped("residual", place((3, 2, 1), 2, 255)),
            ProgramFault.PLACE,
            "257 of group 2",
        ),
        (
            adding(1, (1, 2)) | mapped("residual", place((2, 3, 1), 2, 255)),
            ProgramFault.PLACE,
            "257 of group 2",
        ),
        (adding(1, (2, 2)) | mapped("residual", place((3, 3, 1), 2, 252)), None, "nothing has"),
        (adding(3) | mapped("residual", place((2, 2, 2), 2)), ProgramFault.PLACE, "2 words a pi"),
        (adding(2) | mapped("residual", place((2, 2, 2), 2, 255)), None, "nothing has written"),
        ({"weights": to_address(Region.INPUT, SIZE)}, ProgramFault.ADDRESS, "reads bytes 65536"),
        ({"parameters": to_address(Region.PROGRAM, SIZE - 40)}, ProgramFault.ADDRESS, "65543"),
        ({"raw": 1, "parameters": SIZE // 2}, ProgramFault.ADDRESS, "writes.*program region"),
        (
            {"raw": 1, "parameters": to_address(Region.OUTPUT, SIZE - 44)},
            ProgramFault.ADDRESS,
            "writes bytes 65492 to 65539",
        ),
    ],
)
def test_faults_of_a_convolution(changes, fault, match):
    refused(faulty(changes), fault, match, 2)


def test_raw_sums_may_go_to_any_output():
    memory = faulty({"raw": 1, "parameters": to_address(Region.OUTPUT, SIZE - 48)})
    assert memory.run().stores == 48
    assert memory.regions[Region.OUTPUT][SIZE - 48 :].any()


@pytest.mark.parametrize(("reduction", "beats"), [(400, 200), (399, 200), (401, 201)])
def test_a_reduction_may_fill_the_array(reduction, beats):
    machine = replace(MACHINE, max_reduction=reduction)
    for more in (0, 1):
        memory = Memory(machine)
        codes, shape = codes_of((1, beats + more, 2)), (1, 1, 1)
        weights = codes_of((1, beats + more, 2, 1))
        memory.load(codes, place(codes.shape, tile_x=2))
        values = conv_values(codes, weights, memory, raw=1, parameters=to_address(Region.OUTPUT, 0))
        values |= sizes("output", shape) | mapped("input", place(codes.shape, tile_x=2))
        memory.add(Operation.CONV, **values)
        if more:
            refused(memory, ProgramFault.VALUE, f"{beats + 1} beats", 2)
        else:
            memory.run()


def test_taps_may_be_fifteen_pixels_apart():
    codes, weights = codes_of((16, 16, 1)), codes_of((2, 2, 1, 1))
    memory, where = Memory(), place((16, 16, 1), tile_x=2)
    memory.load(codes, where)
    values = conv_values(codes, weights, memory, raw=1, parameters=to_address(Region.OUTPUT, 0))
    values |= sizes("output", (1, 1, 1)) | mapped("input", where)
    memory.add(Operation.CONV, **(values | {"dilation_x": 15, "dilation_y": 15}))
    memory.run()
    corners = codes[::15, ::15, 0].astype(np.int64)
    expected = (corners * (2 * weights[..., 0, 0].astype(np.int64) - 255)).sum()
    assert memory.regions[Region.OUTPUT][:4].view("<i4").item() == expected


@pytest.mark.parametrize("sign", [1, -1])
def test_parameters_at_the_ends_of_their_fields(sign):
    """M, Mr and B have 27, 35 and 60 bits, signed; s may be 63."""
    memory, shape = Memory(), (1, 1, 1)
    codes, weights = np.array([[[3, 0]]], np.uint8), np.full((1, 1, 2, 1), 255, np.uint8)
    memory.load(codes, place(codes.shape))
    memory.load(np.array([[[200]]], np.uint8), place(shape, 2), offset=64)
    largest = {"multiplier": 26, "residual_multiplier": 34, "bias": 59}
    arrays = {n: [sign * (1 << bits) - (sign > 0)] for n, bits in largest.items()} | {"shift": [54]}
    values = conv_values(codes, weights, memory, **adding(1))
    values |= sizes("output", shape) | mapped("input", place(codes.shape))
    values |= mapped("output", place(shape, 1)) | mapped("residual", place(shape, 2))
    memory.add(Operation.CONV, **values, parameters=memory.data(parameter_memory(**arrays)))
    memory.store(shape, place(shape, 1))
    memory.run()
    total = arrays["multiplier"][0] * 765 + arrays["residual_multiplier"][0] * 200
    total = (total + arrays["bias"][0]) >> 54
    assert abs(total) >= 32
    assert memory.stored(shape).item() == max(0, total)


@pytest.mark.parametrize("operation", [Operation.POOL, Operation.SHORTCUT])
def test_faults_of_pools_and_shortcuts(operation):
    def made(**changes):
        memory, shape = Memory(), (2, 2, 2)
        memory.load(codes_of((4, 4, 2)), place((4, 4, 2)))
        values = {"stride_x": 2, "stride_y": 2} | sizes("input", (4, 4, 2))
        if operation == Operation.POOL:
            values |= {"kernel_x": 2, "kernel_y": 2}
        values |= mapped("input", place((4, 4, 2))) | mapped("output", place(shape, 1))
        memory.add(operation, **(values | sizes("output", shape) | changes))
        return memory

    made().run()
    refused(made(**mapped("output", place((2, 2, 2), 0, 64))), ProgramFault.GROUPS, "group 0", 2)
    refused(made(stride_x=0), ProgramFault.VALUE, "stride_x", 2)
    text = "as many channels" if operation == Operation.POOL else "its input's 2 channels, not 1"
    refused(made(output_channels=1), ProgramFault.VALUE, text, 2)
    if operation == Operation.POOL:
        refused(made(kernel_y=0), ProgramFault.VALUE, "kernel_y", 2)


def test_beyond_its_input_a_shortcut_is_0():
    codes = codes_of((2, 3, 2))
    memory, shape = Memory(), (2, 4, 3)
    memory.load(codes, place(codes.shape))
    memory.add(
        Operation.SHORTCUT,
        **{"stride_y": 2, "stride_x": 1},
        **sizes("input", codes.shape),
        **sizes("output", shape),
        **mapped("input", place(codes.shape)),
        **mapped("output", place(shape, 1)),
    )
    memory.store(shape, place(shape, 1))
    memory.run()
    expected = np.zeros(shape, np.uint8)
    expected[:1, :3, :2] = codes[:1]
    assert np.array_equal(memory.stored(shape), expected)


def test_an_image_too_large_for_any_memory_is_refused_at_once():
    memory, most = Memory(), (1 << 16) - 1
    where = mapped("output", place((1, 1, 1)))
    kernel = {"kernel_x": 1, "kernel_y": 1, "stride_x": 1, "stride_y": 1}
    size = sizes("input", (most, most, 255)) | sizes("output", (1, 1, 255))
    memory.operations = [pack_descriptor(Operation.LOAD, kernel | size | where)]
    refused(memory, ProgramFault.PLACE, "128 words a pixel", 1)
    where["output_map_step_x"] = 128
    memory.operations = [pack_descriptor(Operation.LOAD, kernel | size | where)]
    refused(memory, ProgramFault.ADDRESS, "reads bytes 0 to 16711424", 1)
    size["input_channels"] = size["output_channels"] = 257
    memory.operations = [pack_descriptor(Operation.LOAD, kernel | size | where)]
    refused(memory, ProgramFault.VALUE, "fewer than 16777216 bytes, not 16842495", 1)


def test_rows_far_apart_count_addresses_modulo_their_bits():
    """Row 1 is 2**30 bytes behind row 0: at the same offset of the next region."""
    memory, codes = Memory(), codes_of((2, 2, 2))
    memory.load(codes, place(codes.shape))
    memory.store(codes.shape, place(codes.shape), pitch=1 << 30)
    memory.run()
    assert np.array_equal(memory.regions[Region.OUTPUT][:4], codes[0].reshape(-1))
    assert np.array_equal(memory.regions[Region.SCRATCH][:4], codes[1].reshape(-1))


def test_a_load_without_a_window_is_refused():
    memory = Memory()
    memory.load(codes_of((2, 2, 2)), place((2, 2, 2)), kernel_x=0)
    refused(memory, ProgramFault.VALUE, "kernel_x must be in 1..255, not 0", 1)


def test_a_shortcut_gives_no_more_pixels_than_its_output_has():
    """A band of rows, of which the next band has the rest."""
    codes = codes_of((5, 6, 3))
    memory = Memory()
    memory.load(codes, place(codes.shape))
    memory.add(
        Operation.SHORTCUT,
        **{"stride_y": 1, "stride_x": 2},
        **sizes("input", codes.shape),
        **sizes("output", (4, 2, 3)),
        **mapped("input", place(codes.shape)),
        **mapped("output", place((4, 2, 3), 1)),
    )
    memory.store((4, 2, 3), place((4, 2, 3), 1))
    memory.run()
    assert np.array_equal(memory.stored((4, 2, 3)), codes[:4, :4:2])


def test_a_load_whose_window_is_not_the_map_is_refused():
    memory = Memory()
    memory.load(codes_of((2, 2, 2)), place((2, 2, 3)), **sizes("output", (2, 2, 3)))
    refused(memory, ProgramFault.VALUE, "window has 2 codes, and the map 3 channels", 1)


def test_loads_and_stores_stay_in_their_regions():
    memory = Memory()
    memory.load(codes_of((2, 2, 2)), place((2, 2, 2)), address=to_address(Region.INPUT, SIZE - 7))
    refused(memory, ProgramFault.ADDRESS, "reads bytes 65533 to 65536", 1)
    memory = Memory()
    memory.load(codes_of((2, 2, 2)), place((2, 2, 2)))
    memory.store((2, 2, 2), place((2, 2, 2)), address=to_address(Region.INPUT, 0))
    refused(memory, ProgramFault.ADDRESS, "writes.*input region", 2)


@pytest.mark.parametrize("waits", [0, 1])
@pytest.mark.parametrize("touches", ["reads", "writes", "what is before", "what is after"])
def test_what_runs_beside_must_be_waited_for(touches, waits):
    """A LOAD runs beside what follows, which must not touch its map before it has waited."""
    memory = Memory()
    first, second = codes_of((4, 4, 2), 1), codes_of((4, 4, 2), 2)
    # Each map has four words
    memory.load(first, place(first.shape, 0, 0))
    memory.load(first, place(first.shape, 0, 8), offset=100)
    memory.load(second, place(second.shape, 0, 4), offset=200, beside=1)
    if touches == "writes":
        memory.load(first, place(first.shape, 0, 7), offset=300, wait=waits)
    else:
        base = {"reads": 4, "what is before": 0, "what is after": 8}[touches]
        memory.store(first.shape, place(first.shape, 0, base), wait=waits)
    if touches.startswith("what") or waits:
        memory.run()
    else:
        with pytest.raises(ProgramError, match="touches group 0.*must wait") as caught:
            memory.run()
        assert (caught.value.index, caught.value.fault) == (4, None)


def test_two_that_only_read_may_run_beside_each_other():
    memory = Memory()
    codes = codes_of((4, 4, 2), 1)
    memory.load(codes, place(codes.shape))
    memory.store(codes.shape, place(codes.shape), beside=1)
    memory.store(codes.shape, place(codes.shape), offset=500)
    memory.run()
    assert np.array_equal(memory.stored(codes.shape, 500), codes)
    memory.store(codes.shape, place(codes.shape), offset=31)  # over the first one's last byte
    with pytest.raises(ProgramError, match="touches region"):
        memory.run()


def banded(operation, where, rows, begin, codes, *, pad):
    """Output rows `rows` of a window of 3 x 1 over a map whose band begins at row `begin`."""
    memory, (height, width, channels) = Memory(), codes.shape
    first, end = rows
    shape = (end - first, width, channels)
    memory.load(codes, where)
    block = where.tile_rows(memory.machine)
    base = where.base + begin // block * where.step_y
    values = sizes("input", (min(height, end - 1 - pad + 3) - begin, width, channels))
    values |= sizes("output", shape) | mapped("input", replace(where, base=base))
    values |= mapped("output", place(shape, 1)) | {"kernel_y": 3, "kernel_x": 1}
    values |= {"stride_y": 1, "stride_x": 1, "pad_top": pad + begin - first, "pad_code": 0}
    if operation == Operation.CONV:
        weights = np.ones((3, 1, channels, channels), np.uint8) * 255
        ones = np.ones(channels, np.int64)
        data = parameter_memory(multiplier=ones, bias=0 * ones, shift=ones * 11)
        values |= conv_values(codes, weights, memory, offset=0, pad_code=9) | values
        values |= {"parameters": memory.data(data), "pad_code": 9}
    memory.add(operation, **values)
    memory.store(shape, place(shape, 1))
    memory.run()
    return memory.stored(shape)


@pytest.mark.parametrize("operation", [Operation.CONV, Operation.POOL])
@pytest.mark.parametrize("rows", [(0, 4), (3, 7), (5, 9), (8, 11), (10, 11)])
def test_a_band_may_begin_inside_a_map(operation, rows):
    """The base is at a row of blocks; a negative pad skips the rows before the window's first."""
    codes, pad = codes_of((11, 3, 2), 3), 1
    where = place(codes.shape, tile_x=0)  # blocks of four rows
    begin = max(0, rows[0] - pad) // 4 * 4
    expected = banded(operation, where, (0, 11), 0, codes, pad=pad)
    found = banded(operation, where, rows, begin, codes, pad=pad)
    assert np.array_equal(found, expected[rows[0] : rows[1]])
    assert len(np.unique(found)) > 2
