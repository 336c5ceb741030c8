"""Balanced adder trees."""

__all__ = ["adder_tree"]


def adder_tree(terms):
    """Return the sum of n `terms` in ceil(log2(n)) levels; widths grow by a bit a level.

    There must be at least one term.
    """
    terms = list(terms)
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]
