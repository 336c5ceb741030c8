import pytest

from tests.support import simulate_logic
from truncmac.hw.command import CommandCheck, CommandError
from truncmac.hw.config import ArrayConfig

CONFIG = ArrayConfig(lanes=4, max_reduction=38)  # 10 beats


@pytest.mark.parametrize("beats", [0, 1, 10, 11, 65535])
@pytest.mark.parametrize("bits", range(16))
def test_every_bit_width_and_the_beats_limits(bits, beats):
    expected = CommandError.NONE
    if bits == 0:
        expected = CommandError.ZERO_BITS
    elif bits > 8:
        expected = CommandError.TOO_MANY_BITS
    elif beats == 0:
        expected = CommandError.ZERO_BEATS
    elif beats > 10:
        expected = CommandError.TOO_MANY_BEATS
    dut = CommandCheck(CONFIG)

    async def drive(ctx):
        ctx.set(dut.command, {"bits": bits, "beats": beats, "offset": 300, "limit": 7})
        assert CommandError(ctx.get(dut.error)) == expected
        tile = ctx.get(dut.tile)
        assert tile.bits == min(max(bits, 1), 8)
        assert tile.beats == max(beats, 1)
        assert (tile.offset, tile.limit) == (300, 7)
        assert ctx.get(dut.no_activations) == (beats == 0)
        assert ctx.get(dut.no_weights) == (bits == 0 or beats == 0)

    simulate_logic(dut, drive)
