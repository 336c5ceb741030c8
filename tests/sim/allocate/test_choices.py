import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truncmac.sim.allocate import choices
from truncmac.sim.allocate.choices import MeasuredPoint, Score, best_choices

TABLES = st.lists(
    st.dictionaries(
        st.integers(1, 8),
        st.tuples(st.integers(0, 9), st.integers(-9, 30)),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(TABLES, st.integers(0, 50))
def test_best_choices_are_those_of_brute_force(table, fixed):
    options = {f"layer{index}": layer for index, layer in enumerate(table)}
    growths = {name: {k: v[1] for k, v in layer.items()} for name, layer in options.items()}
    found = best_choices(growths, lambda name, k: options[name][k][0], fixed)
    everything = {
        (fixed + sum(v[0] for _, v in picks), sum(v[1] for _, v in picks))
        for picks in product(*(layer.items() for layer in table))
    }
    best = sorted(
        (price, growth)
        for price, growth in everything
        if not any(p <= price and g <= growth and (p, g) != (price, growth) for p, g in everything)
    )
    points = [found.point(index) for index in range(len(found.costs))]
    assert [(point.cost, point.growth) for point in points] == best
    for point in points:
        assert list(point.bits) == list(options)
        assert point.cost == fixed + sum(options[n][k][0] for n, k in point.bits.items())
        assert point.growth == sum(options[n][k][1] for n, k in point.bits.items())
    for budget in range(int(best[0][0]), int(best[-1][0]) + 2):
        assert found.within(budget).growth == min(g for p, g in everything if p <= budget)
    assert found.within(-1) == points[0]
    assert {points[0].cost, points[-1].cost} == {p.cost for p in found.spread(2)}


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_cost_that_is_none_is_refused(value):
    message = f"Costs of layer 'a' must be finite and at least 0, not {np.array([float(value)])}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        best_choices({"a": {8: 0.0}}, lambda name, k: value)


def test_too_many_choices_are_refused(monkeypatch):
    monkeypatch.setattr(choices, "MOST_CHOICES", 3)
    growths = {"a": {8: 0.0, 1: 1.0}, "b": {8: 0.0, 1: 0.5}}
    with pytest.raises(RuntimeError, match="^More than 3 choices .* up to layer 'b': round"):
        best_choices(growths, lambda name, k: k * (3 if name == "a" else 1))


def test_a_point_knows_whether_it_is_uniform():
    score = Score(1.0, 0.0)
    assert MeasuredPoint({"a": 4, "b": 4}, 1.0, 0.0, score).uniform == 4
    assert MeasuredPoint({"a": 4, "b": 2}, 1.0, 0.0, score).uniform is None
