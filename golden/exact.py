"""How far floating point is exact: up to these bounds it holds every whole number."""

__all__ = ["EXACT_FLOAT32", "EXACT_FLOAT64"]

EXACT_FLOAT32 = 1 << 24
EXACT_FLOAT64 = 1 << 53
