"""Chooses a bit-width for each layer of a network within a budget.

Choosing the array is the work of `explore`.
"""
