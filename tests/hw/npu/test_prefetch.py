"""Words are read ahead, as many as there is room for, and only what is wanted is given."""

import numpy as np
import pytest

from tests.support import simulate
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.prefetch import ReadAhead

CONFIGS = [ArrayConfig(4, 8, 4, 1), ArrayConfig(2, 2, 8, 1)]  # whole words; a quarter of one
DEPTH = 16


class Bench:
    """A reader beside a memory that holds the last answer."""

    def __init__(self, config, asked, answered):
        self.dut = ReadAhead(config, asked=asked, answered=answered)
        self.config = config
        self.rng = np.random.default_rng(asked + 7 * answered)
        self.columns = min(config.cols, config.lanes)
        self.held = self.rng.integers(0, 256, (config.rows, DEPTH, config.lanes))
        self.reads = 0

    def words(self, count):
        """Random words, some of which want nothing; and the codes that are to come."""
        for _ in range(count):
            bank, address = (int(self.rng.integers(n)) for n in (self.config.rows, DEPTH))
            part = int(self.rng.integers(self.config.lanes // self.columns))
            wanted = int(self.rng.choice([0, *range(1 << self.columns)]))
            place = {"group": 1, "bank": bank, "address": address}
            codes = self.held[bank, address].reshape(-1, self.columns)[part]
            mask = [wanted >> column & 1 for column in range(self.columns)]
            yield {"place": place, "part": part, "wanted": wanted}, (codes * mask).tolist()

    async def cycle(self, ctx, *, ready, free):
        """Let a cycle pass; whether a word was taken, and the codes that were given."""
        dut = self.dut
        ctx.set(dut.codes.ready, ready)
        ctx.set(dut.read_ready, free)
        _, _, read, place, taken, valid, codes = await ctx.tick().sample(
            *(dut.read, dut.read_place, dut.words.ready, dut.codes.valid, dut.codes.payload)
        )
        if read and free:
            self.reads += 1
            word = self.held[place.bank, place.address].astype(np.uint8).tobytes()
            ctx.set(dut.read_answer, int.from_bytes(word, "little"))
        given = list(int(codes).to_bytes(self.columns, "little")) if valid and ready else None
        return taken, given


@pytest.mark.parametrize(("asked", "answered"), [(0, 0), (3, 0), (0, 3), (2, 5)])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_random_words(config, asked, answered):
    bench = Bench(config, asked, answered)
    words = list(bench.words(100))
    found = []

    async def drive(ctx):
        left = [word for word, _ in words]
        while len(found) < len(words):
            offers = bool(left) and bench.rng.random() < 0.7
            ctx.set(bench.dut.words.valid, offers)
            if offers:
                ctx.set(bench.dut.words.payload, left[0])
            ready, free = (bool(bench.rng.random() < chance) for chance in (0.6, 0.6))
            taken, given = await bench.cycle(ctx, ready=ready, free=free)
            if taken and offers:
                left.pop(0)
            if given is not None:
                found.append(given)

    simulate(bench.dut, drive)
    assert found == [codes for _, codes in words]
    assert bench.reads == sum(word["wanted"] > 0 for word, _ in words)


@pytest.mark.parametrize(("asked", "answered"), [(0, 0), (3, 0), (0, 3), (2, 5)])
def test_a_word_comes_in_every_cycle_and_as_many_wait_as_there_is_room_for(asked, answered):
    bench = Bench(CONFIGS[0], asked, answered)
    words = list(bench.words(40))

    async def drive(ctx):
        ctx.set(bench.dut.words.valid, 1)
        taken = 0
        for _ in range(20):  # nobody takes codes
            ctx.set(bench.dut.words.payload, words[taken][0])
            taken += (await bench.cycle(ctx, ready=False, free=True))[0]
        assert taken == asked + answered + 1
        for _, codes in words[:20]:
            ctx.set(bench.dut.words.payload, words[taken][0])
            more, given = await bench.cycle(ctx, ready=True, free=True)
            assert given == codes
            taken += more

    simulate(bench.dut, drive)
