import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from truncmac.sim.explore.pareto import Front, best, dominated

small = st.integers(0, 4)  # so that many are equal
clouds = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.lists(small, min_size=d, max_size=d), max_size=40).map(
        lambda rows: np.array(rows, float).reshape(-1, d)
    )
)


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and tuple(a) != tuple(b)


def brute_force(values):
    """Each distinct point that nothing dominates, and the first index that has it."""
    points = [tuple(row) for row in values.tolist()]
    kept = [p for p in points if not any(dominates(q, p) for q in points)]
    return {point: points.index(point) for point in kept}


@given(clouds)
def test_best_is_what_brute_force_finds(values):
    found = best(values)
    assert {tuple(values[i]): i for i in found.tolist()} == brute_force(values)
    assert [tuple(values[i]) for i in found] == sorted(brute_force(values))


@given(clouds, clouds)
def test_dominated_is_what_brute_force_finds(values, by):
    by = by[:, : values.shape[1]] if by.shape[1] >= values.shape[1] else values
    expected = [any(dominates(b, v) for b in by) for v in values]
    assert dominated(values, by).tolist() == expected


@given(clouds, st.randoms(use_true_random=False), st.integers(1, 5))
def test_a_front_is_the_same_whatever_the_order(values, random, parts):
    signs = {f"c{i}": (1, -1)[i % 2] for i in range(values.shape[1])}
    points = list(range(len(values)))
    random.shuffle(points)
    front = Front(signs)
    for start in range(0, len(points), parts):
        some = np.array(points[start : start + parts])
        columns = {name: values[some, i] * signs[name] for i, name in enumerate(signs)}
        front.add({"point": some, **columns})
    expected = brute_force(values)
    assert front.table.get("point", np.array([])).tolist() == [
        expected[p] for p in sorted(expected)
    ]
    assert front.values.tolist() == [list(p) for p in sorted(expected)]


def test_much_is_compared_in_parts():
    rng = np.random.default_rng(1)
    values = rng.random((3000, 3))
    by = rng.random((500, 3))
    expected = [bool(((by <= v).all(1) & (by < v).any(1)).any()) for v in values]
    assert dominated(values, by).tolist() == expected
