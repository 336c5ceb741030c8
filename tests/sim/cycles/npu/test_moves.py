"""LOAD asks for rows as there is room, and STORE joins codes to beats."""

from collections import deque

import pytest

from truncmac.descriptors import ROW_BEATS
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.npu.bus import BURST
from truncmac.sim.cycles.npu.moves import Loader, Storer

CONFIG = ArrayConfig(4, 8, 8, 1)
PLACE = {"group": 1, "tile_x": 2, "phase_x": 0, "phase_y": 0}


def load(width, height, channels, **changes):
    """Fields of a LOAD without a window."""
    sizes = {"width": width, "height": height, "channels": channels}
    found = {f"{side}_{name}": size for side in ("input", "output") for name, size in sizes.items()}
    found |= {f"output_map_{name}": value for name, value in PLACE.items()}
    found |= dict.fromkeys(("kernel_x", "kernel_y", "stride_x", "stride_y"), 1)
    found |= {"pad_left": 0, "pad_top": 0, "address": 0, "pitch": width * channels}
    return found | changes


def run(values, *, size=8, latency=5, granted=lambda cycle: True):
    """Requests, the banks written, and the cycles of a LOAD; the memory answers in order."""
    loader = Loader(CONFIG, size)
    loader.begin(values)
    requests, banks, cycle, due = [], [], 0, deque()
    while loader.busy:
        look = loader.look()
        if look:
            requests.append((look[0], look[1], loader.asked - loader.here))
            beats = -(-(look[0] % size + look[1]) // size)
            due.extend([cycle + latency] * beats)
        beat = bool(due) and due[0] <= cycle
        if beat:
            due.popleft()
        bank, free = loader.writes(), granted(cycle)
        if bank is not None and free:
            banks.append(bank)
        loader.tick(look, beat=beat, granted=bank is not None and free)
        assert not loader.busy or loader.asked - loader._passed() <= ROW_BEATS
        cycle += 1
    assert not due
    return requests, banks, cycle


def test_a_row_longer_than_the_ring_is_asked_for_part_by_part():
    values = load(200, 2, 8)
    requests, banks, _ = run(values)
    beats = [count // 8 for _, count, _ in requests]
    assert sum(beats) == 400 and max(beats) == BURST
    assert [address for address, _, _ in requests] == [
        8 * sum(beats[:n]) for n in range(len(beats))
    ]
    assert banks == [(1, x % 4) for _ in range(2) for x in range(200)]


def test_a_slow_bank_holds_the_copies_and_parts_of_a_burst_are_asked_for_when_none_comes():
    values = load(200, 1, 8)
    requests, _, slow = run(values, granted=lambda cycle: cycle % 3 == 0)
    assert slow > 600
    for _, count, waiting in requests[:-1]:
        assert count == 8 * BURST or waiting == 0


def test_rows_that_no_beat_divides():
    requests, banks, _ = run(load(3, 3, 3, address=5, pitch=11))
    assert [(address, count) for address, count, _ in requests] == [(0, 14), (16, 9), (24, 12)]
    assert banks == [(1, x) for _ in range(3) for x in range(3) for _ in range(1)]


def test_windows_of_a_packed_layer_read_rows_again():
    """Windows of 3 x 3, a stride of 2 and a pad of 1: each row of windows reads its own rows."""
    changes = {"kernel_x": 3, "kernel_y": 3, "stride_x": 2, "stride_y": 2}
    changes |= {"pad_left": 1, "pad_top": 1, "output_width": 4, "output_height": 4}
    values = load(8, 8, 1, **changes, output_channels=9)
    requests, banks, _ = run(values)
    rows = [2 * y + tap - 1 for y in range(4) for tap in range(3)]
    assert [address for address, _, _ in requests] == [8 * row for row in rows if row >= 0]
    # 9 codes lie in two words: a window's third row begins in the first and ends in the second
    assert len(banks) == 4 * 4 * 4


def test_no_beat_is_given_up_while_a_row_outside_the_image_is_copied():
    changes = {"kernel_y": 3, "pad_top": 1, "output_height": 2, "output_channels": 24}
    loader, asked = Loader(CONFIG, 8), []
    loader.begin(load(200, 2, 8, **changes))
    while not loader.copies.rows.inside:
        look = loader.look()
        loader.tick(look, beat=False, granted=loader.writes() is not None)
        asked.append(loader.asked)
    assert len(asked) == 200 and asked[10] == asked[-1] == ROW_BEATS


@pytest.mark.parametrize("room", [1, 3])
def test_a_store_gives_the_beats_that_hold_its_rows(room):
    storer = Storer(CONFIG, 8)
    values = {"input_width": 3, "input_height": 2, "input_channels": 5}
    values |= {f"input_map_{name}": value for name, value in PLACE.items()}
    values |= {"address": 6, "pitch": 16}
    storer.begin(values)
    asked, read, beats, cycle = [], [], 0, 0
    while storer.busy:
        may, request = cycle % room == 0, storer.request
        bank = storer.reads(room=may)
        beats += storer.offers and may
        if request:
            asked.append(request)
        if bank is not None:
            read.append(bank)
        storer.tick(asked=request is not None, room=may, granted=bank is not None)
        cycle += 1
    assert asked == [(6, 15), (22, 15)]
    assert read == [(1, 0), (1, 1), (1, 2)] * 2
    assert beats == 2 * 3  # bytes 6 to 20 lie in three beats
