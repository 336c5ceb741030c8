import pytest

from truncmac.sim.digest import digest


def test_a_digest_is_the_beginning_of_the_sha_256_of_the_text():
    whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, B.1
    assert digest("abc") == whole[:16]
    assert digest("abc", length=24) == whole[:24]


@pytest.mark.parametrize("other", [("a", "bc"), ("abc",), ("ab", "c", ""), ("c", "ab")])
def test_lists_of_other_parts_have_other_digests(other):
    assert digest(*other) != digest("ab", "c")
