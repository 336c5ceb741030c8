"""The energy model: counts of events times characterised figures, of products to networks.

It reads figures and makes none: `characterise` does, from netlists.
"""
