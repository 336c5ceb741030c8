"""Who has a bank in a cycle, by hand."""

from truncmac.sim.cycles.npu.banks import Banks


def test_the_first_who_asks_has_the_bank():
    banks = Banks(-1, lambda: 0)
    assert banks.take((0, 3))
    assert not banks.take((0, 3))
    assert banks.take((1, 3)) and banks.take((0, 2))
    assert not banks.take(None)
    assert not banks.take((0, 2))


def test_who_does_not_get_a_bank_still_keeps_it_from_those_after():
    banks = Banks(0, lambda: 0b100)
    assert not banks.take((0, 2))
    assert not banks.take((0, 2))


def test_windows_come_first_in_their_group():
    for windows in (0b0110, 0b1001, 0, 0b1111):
        for group in range(2):
            for bank in range(4):
                banks = Banks(1, lambda windows=windows: windows)
                assert banks.take((group, bank)) == (group == 0 or not windows >> bank & 1)


def test_windows_are_only_looked_at_where_they_matter():
    def never():
        raise AssertionError("it costs time")

    banks = Banks(1, never)
    assert banks.take((0, 0))
    banks.busy.add((1, 0))
    assert not banks.take((1, 0))
    assert not banks.take(None)
