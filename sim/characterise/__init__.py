"""Makes the figures of the energy model from netlists: plans runs, measures them, fits lines.

Using the figures is the work of `energy`.
"""
