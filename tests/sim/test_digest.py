import pytest

from truncmac.sim.digest import digest, json_digest


def test_a_digest_is_the_beginning_of_the_sha_256_of_the_text():
    whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, B.1
    assert digest("abc") == whole[:16]
    assert digest("abc", length=24) == whole[:24]


@pytest.mark.parametrize("other", [("a", "bc"), ("abc",), ("ab", "c", ""), ("c", "ab")])
def test_lists_of_other_parts_have_other_digests(other):
    assert digest(*other) != digest("ab", "c")


def test_the_order_of_keys_does_not_matter_and_that_of_lists_does():
    assert json_digest({"a": 1, "b": [1, 2]}) == json_digest({"b": [1, 2], "a": 1})
    assert json_digest([1, 2]) != json_digest([2, 1])
    assert json_digest("abc") == digest('"abc"')


def test_what_is_not_plain_has_no_digest():
    with pytest.raises(TypeError):
        json_digest({1, 2})
