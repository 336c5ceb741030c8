"""Beats become words, and requests wait for tickets, by hand."""

import pytest

from truncmac.sim.cycles.npu.bus import MemoryTiming, ReadBus
from truncmac.sim.cycles.npu.fetch import Fetcher, Words


def taken(words, beats, ready):
    """Cycles in which a word is taken and in which a beat is done with; `ready` may be low."""
    left, over, cycle = [], [], 0
    beats = list(beats)
    while beats:
        here = words.ready(beats[0])
        takes = here and ready(cycle)
        if takes:
            left.append(cycle)
        if words.tick(beats[0], taken=takes):
            over.append(cycle)
            beats.pop(0)
        cycle += 1
    assert not words.ready(None) and not words.tick(None, taken=False)
    return left, over


@pytest.mark.parametrize("word", [16, 32])
def test_a_word_of_several_beats_leaves_with_its_last(word):
    beats = word // 8
    left, over = taken(Words(word, 8), [(0, 8)] * (3 * beats), lambda cycle: True)
    assert over == list(range(3 * beats))
    assert left == over[beats - 1 :: beats]


def test_the_last_beat_waits_until_the_word_is_taken():
    left, over = taken(Words(16, 8), [(0, 8)] * 4, lambda cycle: cycle > 5)
    assert (left, over) == ([6, 8], [0, 6, 7, 8])


def test_words_of_a_beat_leave_one_by_one_and_the_beat_with_the_last():
    left, over = taken(Words(2, 8), [(0, 8), (0, 4), (4, 8)], lambda cycle: True)
    assert left == list(range(4 + 2 + 2))
    assert over == [3, 5, 7]
    left, over = taken(Words(2, 8), [(0, 8)], lambda cycle: cycle % 2)
    assert (left, over) == ([1, 3, 5, 7], [7])


def test_a_word_for_each_beat():
    assert taken(Words(8, 8), [(0, 8)] * 3, lambda cycle: cycle != 1) == ([0, 2, 3], [0, 2, 3])


def test_a_beat_that_begins_no_word_is_passed_over():
    left, over = taken(Words(16, 32), [(20, 30), (0, 32)], lambda cycle: True)
    assert (left, over) == ([1, 2], [0, 2])


def test_the_only_word_of_a_beat_waits_until_it_is_taken():
    assert taken(Words(16, 32), [(16, 32)], lambda cycle: cycle == 4) == ([4], [4])


def test_a_fetcher_is_idle_when_the_pause_after_its_last_word_is_over():
    fetcher = Fetcher(ReadBus(8, 4, MemoryTiming(gaps={"r": 9})), 8)
    came, idle = 0, []
    for cycle in range(20):
        fetcher.look()
        request = (0, 8) if cycle == 0 else None
        if fetcher.tick(cycle, 1, request, taken=fetcher.who == 1):
            came = cycle
        idle.append(fetcher.idle)
    assert came == 2
    assert idle == [cycle >= came + 8 for cycle in range(20)]


def test_a_fetcher_has_eight_requests_on_their_way():
    """None of them is answered, and the bus takes what it is asked."""
    fetcher = Fetcher(ReadBus(8, 16, MemoryTiming(latency=1000)), 8)
    asked = 0
    for cycle in range(60):
        fetcher.look()
        assert fetcher.who == -1
        room = fetcher.room
        fetcher.tick(cycle, 3, (8 * cycle, 8) if room else None, taken=False)
        asked += room
    assert asked == 8 and not fetcher.idle


def test_beats_are_told_to_who_asked_in_order():
    fetcher = Fetcher(ReadBus(8, 4, MemoryTiming()), 8)
    requests = [(2, (5, 10)), (0, (16, 8)), (1, (30, 3))]
    seen, came = [], 0
    for cycle in range(40):
        fetcher.look()
        if fetcher.who >= 0:
            seen.append((fetcher.who, *fetcher.beat))
        who, request = requests[cycle] if cycle < len(requests) else (-1, None)
        came += fetcher.tick(cycle, who, request, taken=fetcher.who >= 0)
    assert seen == [(2, 5, 8), (2, 0, 7), (0, 0, 8), (1, 6, 8), (1, 0, 1)]
    assert came == 5 and fetcher.idle
