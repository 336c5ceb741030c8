"""Makes the figures of the energy model from netlists: plans runs, measures them, fits lines.

The figures are used in `energy`, not here.
"""
