"""Operations follow each other, and a STORE runs beside, whatever of the NPU they share."""

import numpy as np
import pytest

from tests.golden.programs import Memory, mapped, parameter_memory, sizes
from tests.golden.test_program import codes_of, conv_values
from tests.hw.npu.system import CONFIG, DONE, System
from truncmac.descriptors import Operation, ProgramFault, Region
from truncmac.golden import MapPlace
from truncmac.sim.npu.means import reciprocal
from truncmac.sim.npu.planning import machine_of

SHAPE, BESIDE, WIDE, HALF = (4, 4, 3), (3, 5, 2), (4, 3, 5), (2, 2, 3)


def place(shape, group, base=0, phase=0):
    chip, phases = machine_of(CONFIG), (phase, phase)
    return MapPlace.packed(shape, chip, group=group, base=base, tile_x=1, phases=phases)


def pool(memory, shape, source, output_shape, target, **values):
    plain = dict.fromkeys(("kernel_x", "kernel_y", "stride_x", "stride_y"), 1)
    plain |= sizes("input", shape) | mapped("input", source)
    plain |= sizes("output", output_shape) | mapped("output", target)
    memory.add(Operation.POOL, **(plain | values))


def pools_and_a_convolution():
    """Maximum pools before and after a convolution, a mean, and a STORE beside the first pool.

    The STORE reads from the group of the pool's windows, and a pool of one tap waits for the rows
    to leave in every other cycle, so that it would find what it does not ask for.
    """
    memory = Memory(machine_of(CONFIG))
    first, second, third = place(SHAPE, 0), place(SHAPE, 1, phase=1), place(WIDE, 2)
    codes, weights = codes_of(SHAPE, 0), codes_of((1, 2, 3, 5), 1)
    memory.load(codes, first)
    memory.load(codes_of(BESIDE, 2), place(BESIDE, 0, 16), offset=100)
    memory.store(BESIDE, place(BESIDE, 0, 16), beside=1)
    pool(memory, SHAPE, first, SHAPE, second)
    ones = np.ones(5, np.int64)
    data = parameter_memory(multiplier=3 * ones, bias=900 * ones, shift=6 * ones)
    memory.add(
        Operation.CONV,
        **conv_values(codes, weights, memory, bits=5, offset=31, pad_code=7),
        **{"parameters": memory.data(data)},
        **(sizes("output", WIDE) | mapped("input", first) | mapped("output", third)),
    )
    memory.store(WIDE, third, offset=100, wait=1)
    window = {"stride_x": 2, "stride_y": 2, "pad_left": 1, "pad_top": 1, "pad_code": 250}
    larger = place(HALF, 2, 24)
    pool(memory, SHAPE, second, HALF, larger, **(window | {"kernel_x": 3, "kernel_y": 3}))
    factor, shift = reciprocal(4)
    window |= {"kernel_x": 2, "kernel_y": 2, "mean": 1, "reciprocal": factor, "shift": shift}
    pool(memory, SHAPE, second, HALF, place(HALF, 0), **window)
    memory.store(HALF, larger, offset=200)
    memory.store(HALF, place(HALF, 0), offset=220)
    return memory


@pytest.mark.parametrize("runs", [1, pytest.param(3, marks=pytest.mark.long)])
def test_pools_share_windows_with_a_convolution_and_a_store_beside_waits(runs):
    memory = pools_and_a_convolution()
    for region in (Region.OUTPUT, Region.SCRATCH):
        memory.regions[region][:] = 0xA5
    before = {region: data.copy() for region, data in memory.regions.items()}
    memory.run(begin=memory.begin(configuration=CONFIG.configuration))
    before[Region.PROGRAM] = memory.regions[Region.PROGRAM]
    used = {Region.PROGRAM: memory.end, Region.INPUT: 132, Region.OUTPUT: 232, Region.SCRATCH: 0}
    system = System(used, busy=0.0)
    end = len(memory.operations) + 1

    async def testbench(ctx):
        for _ in range(runs):
            system.fill(before)
            assert await system.run(ctx) == (DONE, ProgramFault.NONE, end)
            assert np.array_equal(system.region(Region.OUTPUT), memory.regions[Region.OUTPUT])

    system.play(testbench)
