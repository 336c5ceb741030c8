import numpy as np
import pytest

from tests.support import get, put, simulate
from truncmac.hw.axi.stream import Packer, Unpacker, word_stride


def lists(stalls):
    """Testbenches that offer and take with pauses."""
    rng = np.random.default_rng(0)

    def offer(port, payloads):
        async def testbench(ctx):
            for payload in payloads:
                while rng.random() < stalls:
                    await ctx.tick()
                await put(ctx, port, payload)

        return testbench

    def take(port, count, seen):
        async def testbench(ctx):
            while len(seen) < count:
                while rng.random() < stalls:
                    await ctx.tick()
                seen.append(await get(ctx, port))

        return testbench

    return offer, take


@pytest.mark.parametrize(
    ("word", "bus", "stride"),
    [
        *[(1, 32, 1), (8, 32, 1), (9, 32, 2), (17, 32, 4), (33, 32, 8), (100, 32, 16)],
        *[(100, 64, 16), (100, 512, 16), (512, 512, 64), (513, 512, 128), (65, 128, 16)],
    ],
)
def test_stride_of_words(word, bus, stride):
    assert word_stride(word, bus) == stride


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(("width", "bus"), [(8, 32), (11, 64), (32, 32), (70, 32), (100, 64)])
def test_words_out_of_transfers(width, bus, stalls):
    rng = np.random.default_rng(width)
    words = [int.from_bytes(rng.bytes(16), "little") % (1 << width) for _ in range(25)]
    stride = word_stride(width, bus)
    memory = b"".join(word.to_bytes(stride, "little") for word in words)
    size = bus // 8
    transfers = []
    for start in range(0, len(memory), size):
        part = memory[start : start + size]
        keep = (1 << len(part)) - 1
        last = int(start + size >= len(memory))
        transfers.append({"data": int.from_bytes(part, "little"), "keep": keep, "last": last})
    dut = Unpacker(width, bus)
    offer, take = lists(stalls)
    seen = []
    simulate(dut, offer(dut.transfers, transfers), take(dut.words, len(words), seen))
    assert seen == words


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(("width", "bus"), [(8, 32), (16, 128), (32, 32), (128, 32), (256, 64)])
def test_words_into_transfers(width, bus, stalls):
    rng = np.random.default_rng(width)
    packets = [[int.from_bytes(rng.bytes(width // 8), "little") for _ in range(n)] for n in (1, 7)]
    expected, size = [], bus // 8
    for packet in packets:
        memory = b"".join(word.to_bytes(width // 8, "little") for word in packet)
        for start in range(0, len(memory), size):
            part = memory[start : start + size]
            expected.append((part, start + size >= len(memory)))
    words = [
        {"word": word, "last": int(index == len(packet) - 1)}
        for packet in packets
        for index, word in enumerate(packet)
    ]
    dut = Packer(width, bus)
    offer, take = lists(stalls)
    seen = []
    simulate(dut, offer(dut.words, words), take(dut.transfers, len(expected), seen))
    kept = [
        (transfer.data.to_bytes(size, "little")[: transfer.keep.bit_count()], bool(transfer.last))
        for transfer in seen
    ]
    assert kept == expected
    assert all(transfer.keep & (transfer.keep + 1) == 0 for transfer in seen)
