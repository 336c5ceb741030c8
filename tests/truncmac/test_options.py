import pytest

from truncmac.options import parse_bits


def test_a_list_or_all():
    assert parse_bits("8,4, 2,1") == [8, 4, 2, 1]
    assert parse_bits("all") == [8, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("text", ["", "8,", "x", "-1", "1.5", "9"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"^Bit-width k must be in 1\.\.8, not '.*'$"):
        parse_bits(text)
