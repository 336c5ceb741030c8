"""Bursts, latency and pauses of the bus, by hand."""

from itertools import pairwise

import pytest

from truncmac.sim.cycles.npu.bus import MemoryTiming, ReadBus, WriteBus
from truncmac.sim.cycles.npu.queues import BufferedQueue


def reading(bus, request, cycles, start=0):
    """Cycles in which a word came, and in which one was taken, as soon as it was there."""
    came, taken = [], []
    for cycle in range(start, start + cycles):
        ready = bus.ready
        if bus.tick(cycle, request if cycle == start else None, taken=ready):
            came.append(cycle)
        if ready:
            taken.append(cycle)
    return came, taken


@pytest.mark.parametrize("latency", [1, 4, 20])
def test_a_word_comes_after_the_latency_and_is_seen_two_cycles_later(latency):
    bus = ReadBus(8, 4, MemoryTiming(latency))
    came, taken = reading(bus, (4096, 24), 60)
    # Its request is cut in cycle 1; there the burst leaves
    assert came == [1 + latency, 2 + latency, 3 + latency]
    assert taken == [cycle + 2 for cycle in came]


def test_no_burst_crosses_a_page_and_none_is_longer_than_16_beats():
    bus = ReadBus(8, 4, MemoryTiming())
    bus.cutter.add((4096 - 24, 8 * 40))
    lengths = []
    while bus.cutter.length:
        lengths.append(bus.cutter.length)
        bus.cutter.issue(lengths[-1])
    assert lengths == [3, 16, 16, 5]
    bus.cutter.add((4099, 6))  # two beats hold these bytes
    assert bus.cutter.length == 2


def test_pauses_by_a_rule():
    bus = ReadBus(8, 4, MemoryTiming(1, {"r": 3, "ar": 4}))
    came, _ = reading(bus, (0, 8 * 20), 120)
    assert came[:3] == [5, 8, 11]  # the burst is offered from cycle 1 on, and taken in the fourth
    assert [b - a for a, b in pairwise(came)] == [3] * 19


def test_bursts_wait_until_there_is_room_for_all_of_their_words():
    bus = ReadBus(8, 1, MemoryTiming(10))
    came, _ = reading(bus, (0, 8 * 32), 80)
    assert came[15] == 26 and came[16] > came[15] + 10


def test_a_write_is_issued_when_its_words_are_here_and_ends_with_its_answer():
    bus = WriteBus(8, MemoryTiming(6))
    written, empty = [], None
    for cycle in range(40):
        if bus.tick(cycle, (0, 24) if cycle == 0 else None, word=5 <= cycle < 8):
            written.append(cycle)
        if empty is None and cycle > 8 and bus.empty:
            empty = cycle
    assert written == [9, 10, 11]  # the third word is here in cycle 8, where the burst leaves
    assert empty == 11 + 6  # the answer's cycle


def test_a_queue_shows_an_entry_two_cycles_after_it_came():
    queue, seen = BufferedQueue(3), []
    for cycle in range(6):
        if queue.ready:
            seen.append(cycle)
        queue.tick(came=cycle < 2, left=queue.ready)
    assert seen == [2, 3]
    for _ in range(3):
        assert queue.room
        queue.tick(came=True, left=False)
    assert not queue.room
