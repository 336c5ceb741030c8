import hashlib

import pytest

from truncmac.sim.digests import digest_of, json_digest


def test_a_digest_is_the_start_of_the_sha256():
    whole = hashlib.sha256(b"k\xc3\xa4se").hexdigest()
    assert digest_of("käse") == digest_of("käse".encode()) == whole[:16]
    assert digest_of("käse", digits=64) == whole


def test_the_order_of_keys_does_not_matter_and_that_of_lists_does():
    assert json_digest({"a": 1, "b": [1, 2]}) == json_digest({"b": [1, 2], "a": 1})
    assert json_digest([1, 2]) != json_digest([2, 1])
    assert json_digest([1, 2], digits=8) == json_digest([1, 2])[:8]


def test_what_is_not_plain_has_no_name():
    with pytest.raises(TypeError):
        json_digest({1, 2})
