import numpy as np
import pytest

from tests.support import simulate, word
from truncmac.golden import Requantisation, requantise
from truncmac.hw.config import ArrayConfig
from truncmac.hw.output_unit import OutputUnit

LIMIT = 15


def parameter_set(rng, columns):
    return Requantisation(
        multiplier=rng.integers(-1 << 17, 1 << 17, columns),
        bias=rng.integers(-1 << 24, 1 << 28, columns),
        shift=rng.integers(14, 26, columns),
        out_bits=4,
        residual_multiplier=rng.integers(-1 << 20, 1 << 20, columns),
    )


def fields(params, column):
    names = ("multiplier", "residual_multiplier", "bias", "shift")
    return {name: int(getattr(params, name)[column]) for name in names}


@pytest.mark.parametrize("unused", [0, 3])
@pytest.mark.parametrize("cols", [1, 4])
def test_columns_in_turn_from_either_bank(cols, unused):
    config = ArrayConfig(2, cols, 1, 4, 64, 1)
    rng = np.random.default_rng(cols)
    banks = [parameter_set(rng, cols) for _ in range(2)]
    rows = [
        {
            "dots": rng.integers(0, 64 * 255 * 255 >> unused, cols),
            "residuals": rng.integers(0, 256, cols),
            "offset": int(rng.integers(0, 1 << 20)),
            "bank": int(rng.integers(2)),
            "raw": index % 3 == 2,
        }
        for index in range(20)
    ]
    dut = OutputUnit(config)
    seen = []

    async def drive(ctx):
        ctx.set(dut.write, 1)
        for address in range(2 * cols):
            bank, column = divmod(address, cols)
            ctx.set(dut.write_address, address)
            ctx.set(dut.parameters, fields(banks[bank], column))
            await ctx.tick()
        ctx.set(dut.write, 0)
        ctx.set(dut.advance, 1)
        cycle = 0
        for row in [*rows, *[None] * OutputUnit.LATENCY]:
            for column in range(cols):
                ctx.set(dut.select, 0 if row is None else 1 << column)
                if row is not None:
                    dots = row["dots"] << unused
                    ctx.set(dut.sums, word(dots, config.dot_width))
                    ctx.set(dut.residuals, word(row["residuals"], 8))
                    context = {key: int(row[key]) for key in ("offset", "raw", "bank")}
                    ctx.set(dut.context, context | {"unused": unused, "limit": LIMIT})
                await ctx.tick()
                cycle += 1
                if cycle >= OutputUnit.LATENCY:
                    seen.append(ctx.get(dut.result))

    simulate(dut, drive)

    expected = []
    for row in rows:
        sums = 2 * row["dots"] - row["offset"]
        codes = requantise(sums[None], banks[row["bank"]], row["residuals"][None].astype(np.uint8))
        expected += sums.tolist() if row["raw"] else codes[0].tolist()
    assert seen[: len(expected)] == expected


def test_nothing_moves_without_a_column():
    dut = OutputUnit(ArrayConfig(2, 2, 1, 1, 64, 1))

    async def drive(ctx):
        ctx.set(dut.advance, 1)
        ctx.set(dut.context, {"raw": 1})
        ctx.set(dut.sums, 5)
        ctx.set(dut.select, 1)
        await ctx.tick()
        ctx.set(dut.select, 0)
        ctx.set(dut.sums, 9)
        await ctx.tick().repeat(OutputUnit.LATENCY + 3)
        assert ctx.get(dut.result) == 10

    simulate(dut, drive)
