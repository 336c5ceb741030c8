"""Banks that are read for a tap are those of the pixels inside the map, by the reference."""

import numpy as np
import pytest

from truncmac.golden import MapPlace
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.sim.cycles.npu.windows import Taps, Windows
from truncmac.sim.npu.planning import machine_of

ROWS = 8
MACHINE = machine_of(NpuConfig(array=npu_array(rows=ROWS)))


def drawn(rng, strides, phases):
    """Fields of a convolution whose windows read a map of these phases."""
    size, kernel = rng.integers(6, 14, 2), rng.integers(1, 4, 2)
    place = MapPlace(
        base=0,
        **{"step_x": 64, "step_y": 999, "group": 1, "tile_x": int(rng.integers(4))},
        **{"phase_x": phases[0], "phase_y": phases[1]},
    )
    pads, dilations = rng.integers(0, 3, 2), rng.integers(1, 3, 2)
    outputs = [
        int((n + 2 * p - d * (k - 1) - 1) // s + 1)
        for n, p, d, k, s in zip(size, pads, dilations, kernel, strides, strict=True)
    ]
    values = {f"input_map_{name}": value for name, value in vars(place).items()}
    for index, axis in enumerate("xy"):
        values[f"kernel_{axis}"] = int(kernel[index])
        values[f"stride_{axis}"] = strides[index]
        values[f"dilation_{axis}"] = int(dilations[index])
    values |= {"pad_left": int(pads[0]), "pad_top": int(pads[1])}
    values |= {"input_width": int(size[0]), "input_height": int(size[1])}
    values |= {"output_width": outputs[0], "output_height": outputs[1]}
    return values, place


def expected(values, place, blocks):
    """For each tap the bank of each row's pixel, by the definition; None outside the map."""
    banks, _ = place.locate((values["input_height"], values["input_width"], 1), MACHINE)
    across, down = 1 << place.tile_x, ROWS >> place.tile_x
    for top in range(0, values["output_height"], down):
        for left in range(0, values["output_width"], across):
            for ky, kx in np.ndindex(values["kernel_y"], values["kernel_x"]):
                rows = []
                for y, x in np.ndindex(down, across):
                    at_x = (left + x) * values["stride_x"] + kx * values["dilation_x"]
                    at_y = (top + y) * values["stride_y"] + ky * values["dilation_y"]
                    at_x, at_y = at_x - values["pad_left"], at_y - values["pad_top"]
                    inside = 0 <= at_y < len(banks) and 0 <= at_x < len(banks[0])
                    rows.append(1 << int(banks[at_y, at_x]) if inside else 0)
                yield from [rows] * blocks


@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (2, 4)])
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_tap_reads_each_bank_once(strides, blocks):
    rng = np.random.default_rng(blocks)
    for _ in range(12):
        phases = [stride.bit_length() - 1 for stride in strides]
        values, place = drawn(rng, strides, phases)
        taps = Taps(values, ROWS, blocks, rounds=2)
        rows = list(expected(values, place, blocks))
        assert taps.count == 2 * len(rows)
        assert not taps.crosses
        for index in range(taps.count):
            assert taps.banks(index) == sum(rows[index % len(rows)])  # none of them twice


@pytest.mark.parametrize(("strides", "phases"), [((1, 1), (1, 0)), ((3, 2), (0, 1))])
def test_a_pixel_is_read_for_each_row_where_strides_cross(strides, phases):
    rng = np.random.default_rng(2)
    for _ in range(12):
        values, place = drawn(rng, strides, phases)
        if values["output_width"] == 1:
            continue
        taps = Taps(values, ROWS, 1, rounds=1)
        assert taps.crosses
        for index, banks in enumerate(expected(values, place, 1)):
            assert [taps.bank(index, row) for row in range(ROWS)] == banks


def test_words_leave_a_cycle_apart_and_wait_for_who_takes_them():
    values, _ = drawn(np.random.default_rng(1), (1, 1), (0, 0))
    windows, taps = Windows(ROWS), Taps(values, ROWS, 1, rounds=1)
    windows.begin(taps)
    left, cycles, held = 0, 0, 5
    while not windows.over:
        taken = windows.ready and cycles >= held
        left += taken
        windows.tick(valid=True, taken=taken)
        cycles += 1
    assert left == taps.count
    assert cycles == held + taps.count  # the first waits from the third cycle on


def test_pixel_by_pixel_a_word_takes_its_rows_and_three_cycles():
    values, _ = drawn(np.random.default_rng(1), (2, 2), (0, 0))
    windows, taps = Windows(ROWS), Taps(values, ROWS, 1, rounds=1)
    windows.begin(taps)
    assert taps.crosses
    cycles, read = 0, []
    while not windows.over:
        read.append(windows.banks(taken=windows.ready))
        windows.tick(valid=True, taken=windows.ready)
        cycles += 1
    assert cycles == taps.count * (ROWS + 3)
    # A pixel is read in the cycle after its place is known
    expected = [taps.bank(index, row) for index in range(taps.count) for row in range(ROWS)]
    places = [(ROWS + 3) * index + row + 1 for index in range(taps.count) for row in range(ROWS)]
    assert [read[place] for place in places] == expected
    assert sum(read) == sum(expected) > 0


def test_banks_are_read_in_the_cycle_in_which_a_tap_moves_on():
    values, _ = drawn(np.random.default_rng(3), (1, 1), (0, 0))
    windows, taps = Windows(ROWS), Taps(values, ROWS, 1, rounds=1)
    assert windows.banks(taken=True) == 0
    windows.begin(taps)
    read, cycle = [], 0
    while not windows.over:
        taken = windows.ready and cycle % 3 == 0
        read.append(windows.banks(taken=taken))
        windows.tick(valid=True, taken=taken)
        cycle += 1
    expected = [taps.banks(index) for index in range(taps.count)]
    assert [banks for banks in read if banks] == [banks for banks in expected if banks]
    assert read[2] == expected[0] and not any(read[:2])
