import re

import pytest

from truncmac.hw.config import ArrayConfig, chunk_count


def test_chunk_count_rounds_up():
    assert [chunk_count(bits, 4) for bits in range(1, 9)] == [1, 1, 1, 1, 2, 2, 2, 2]


def test_widths_hold_the_largest_values_and_no_more():
    config = ArrayConfig(lanes=8, planes=2, max_reduction=20)  # three beats: 24 elements
    assert (config.max_beats, config.reduction, config.chunks) == (3, 24, 4)
    assert config.chunk_sum_width == (8 * 255 * 3).bit_length()
    assert config.beat_sum_width == (8 * 255 * 255).bit_length()
    assert config.dot_width == (24 * 255 * 255).bit_length()
    assert config.row_sum_width == (24 * 255).bit_length()
    # S is least at c = 0 and z = 511, and largest at c = 255 and z = 0
    assert -(1 << config.sum_width - 1) <= -511 * 24 * 255
    assert 2 * 24 * 255 * 255 < 1 << config.sum_width - 1


def test_peak_is_macs_at_eight_bits():
    assert ArrayConfig(rows=4, cols=2, lanes=8, planes=1).peak_macs == 8
    assert ArrayConfig(rows=4, cols=2, lanes=8, planes=8).peak_macs == 64


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"rows": 0}, "rows must be in 1..256, not 0"),
        ({"cols": -8}, "cols must be in 1..256, not -8"),
        ({"lanes": 257}, "lanes must be in 1..256, not 257"),
        ({"planes": 3}, "planes must be 1, 2, 4 or 8, not 3"),
        ({"multiplier_bits": 1}, "multiplier_bits must be in 2..32, not 1"),
        ({"multiplier_bits": 33}, "multiplier_bits must be in 2..32, not 33"),
        ({"requantisers": 3}, "requantisers must divide cols = 8, or be twice as many, not be 3"),
        ({"requantisers": 24}, "requantisers must divide cols = 8, or be twice as many, not be 24"),
        (
            {"rows": 7, "requantisers": 16},
            "rows must be even where there are more requantisers than columns, not 7",
        ),
        ({"max_reduction": 0}, "max_reduction must be in 1..1048576, not 0"),
        (
            {"cols": 256, "lanes": 256, "planes": 8},
            "cols x lanes x planes must be at most 65536 bits a cycle, not 524288; "
            "use fewer lanes or planes",
        ),
        (
            {"rows": 256, "lanes": 256},
            "rows x lanes x 8 must be at most 65536 bits a cycle, not 524288; "
            "use fewer lanes or planes",
        ),
    ],
)
def test_sizes_out_of_range_are_refused(sizes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ArrayConfig(**sizes)


@pytest.mark.parametrize(
    ("requantisers", "rows_at_once", "share", "interval"),
    [(2, 1, 4, 24), (8, 1, 1, 6), (16, 2, 1, 3)],
)
def test_two_rows_leave_at_once_with_twice_as_many_requantisers_as_columns(
    requantisers, rows_at_once, share, interval
):
    config = ArrayConfig(rows=6, cols=8, requantisers=requantisers)
    assert (config.rows_at_once, config.share) == (rows_at_once, share)
    assert config.departures * rows_at_once == config.rows
    assert config.row_units * rows_at_once == requantisers
    assert config.interval == interval
    assert config.residual_word_bits == 8 * 8 * rows_at_once


@pytest.mark.parametrize("value", [8.0, "8", True, None])
def test_sizes_of_other_kinds_are_refused(value):
    message = f"rows must be an integer, not {value!r}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        ArrayConfig(rows=value)
