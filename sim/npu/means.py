"""The mean of a window by a product and a shift, exact for every sum of codes."""

__all__ = ["reciprocal"]

LARGEST_CODE = 255


def reciprocal(count: int) -> tuple[int, int]:
    """Factor f and shift s with (2 sum + n) f >> s = (2 sum + n) div 2n for n = `count` codes.

    f = ceil(2**s / 2n) is too large by e / 2n, where e = 2n f - 2**s. So the product is too large
    by (2 sum + n) e / 2n, in units of 2**-s. A quotient by 2n is at least 1 / 2n below the next
    whole number, and the product stays below it as long as (2 sum + n) e < 2**s. The smallest
    such s is taken, for the largest sum, 255 n.

    Source: Granlund and Montgomery, "Division by invariant integers using multiplication",
    PLDI 1994, theorem 4.2.
    """
    divisor, largest = 2 * count, (2 * LARGEST_CODE + 1) * count
    shift = 0
    while True:
        factor = -(-(1 << shift) // divisor)
        if (divisor * factor - (1 << shift)) * largest < 1 << shift:
            return factor, shift
        shift += 1
