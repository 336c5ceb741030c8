"""The page and pictures of an exploration.

The search itself is in `sim/explore`.
"""
