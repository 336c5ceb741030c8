"""Dataclasses from JSON objects and back: each type of field, right and wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from truncmac.sim.energy.json_records import plain, record


@dataclass(frozen=True)
class Inner:
    size: int
    weight: float = 0.0

    def __post_init__(self):
        if self.size < 0:
            raise ValueError(f"size must be at least 0, not {self.size}")


@dataclass(frozen=True)
class Outer:
    name: str
    large: bool
    inner: Inner
    pair: tuple[int, float]
    many: tuple[Inner, ...]
    by_width: Mapping[int, float]
    nothing: int | None


DATA = {
    "name": "n",
    "large": True,
    "inner": {"size": 3},
    "pair": [1, 2],
    "many": [{"size": 1, "weight": 0.5}, {"size": 2}],
    "by_width": {"8": 1, "4": 0.5},
    "nothing": None,
}
FOUND = Outer("n", True, Inner(3), (1, 2.0), (Inner(1, 0.5), Inner(2)), {8: 1.0, 4: 0.5}, None)


def test_an_object_becomes_a_dataclass_and_an_object_again():
    assert record(Outer, DATA, "f: ") == FOUND
    assert plain(FOUND) == DATA
    assert list(plain(FOUND)["by_width"]) == ["8", "4"]


def test_numbers_are_written_with_six_digits_and_fields_of_zero_left_out():
    assert plain(Inner(1, 1 / 3)) == {"size": 1, "weight": 0.333333}
    assert plain(Inner(0, 0.0)) == {"size": 0}


WRONG = {
    "f must be an object, not []": lambda data: [],
    "f: name is missing": lambda data: {k: v for k, v in data.items() if k != "name"},
    "f: other is not a known field": lambda data: data | {"other": 1},
    "f: name must be a text, not 5": lambda data: data | {"name": 5},
    "f: large must be true or false, not 1": lambda data: data | {"large": 1},
    "f: inner must be an object, not 3": lambda data: data | {"inner": 3},
    "f: inner.size must be an integer, not 3.0": lambda data: data | {"inner": {"size": 3.0}},
    "f: inner.size must be an integer, not True": lambda data: data | {"inner": {"size": True}},
    "f: inner.size must be at least 0, not -1": lambda data: data | {"inner": {"size": -1}},
    "f: pair must be a list, not 1": lambda data: data | {"pair": 1},
    "f: pair must have 2 entries, not 3": lambda data: data | {"pair": [1, 2, 3]},
    "f: pair[1] must be a finite number, not inf": lambda data: data | {"pair": [1, float("inf")]},
    "f: pair[1] must be a finite number, not nan": lambda data: data | {"pair": [1, float("nan")]},
    "f: many[1].size is missing": lambda data: data | {"many": [{"size": 1}, {}]},
    "f: by_width must be an object, not []": lambda data: data | {"by_width": []},
    "f: by_width must have numbers as names, not 'x'": lambda d: d | {"by_width": {"x": 1}},
    "f: by_width.8 must be a finite number, not 'y'": lambda d: d | {"by_width": {"8": "y"}},
    "f: nothing must be an integer, not 'z'": lambda data: data | {"nothing": "z"},
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_named(message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        record(Outer, WRONG[message](DATA), "f: ")
