import numpy as np
import pytest

from tests.support import simulate_logic, word
from truncmac.golden import pack_weights, truncate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.truncation import TruncationUnit


@pytest.mark.parametrize("planes", [1, 2, 4, 8])
def test_keeps_the_top_bits_of_every_code(planes):
    config = ArrayConfig(cols=8, lanes=32, planes=planes)  # all 256 codes in a word
    codes = np.arange(256, dtype=np.uint8).reshape(32, 8)
    packed = pack_weights(codes, columns=8, lanes=32, planes=planes)[0, :, 0]
    dut = TruncationUnit(config)

    async def drive(ctx):
        for bits in range(1, 9):
            ctx.set(dut.bits, bits)
            last = ctx.get(dut.last_index)
            value = 0
            for index in range(last + 1):
                ctx.set(dut.weights, word(packed[index].ravel(), planes))
                ctx.set(dut.last_chunk, int(index == last))
                truncated = ctx.get(dut.truncated)
                lanes = [truncated >> (planes * i) & (2**planes - 1) for i in range(256)]
                value = value * 2**planes + np.array(lanes)
            kept = value.reshape(8, 32).T >> ctx.get(dut.unused)

            assert last == -(-bits // planes) - 1
            assert ctx.get(dut.unused) == -bits % planes
            np.testing.assert_array_equal(kept, truncate(codes, bits))
            np.testing.assert_array_equal(value.reshape(8, 32).T, kept << ctx.get(dut.unused))

    simulate_logic(dut, drive)
