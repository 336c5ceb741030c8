"""The energy model: counts of events times characterised figures, from one product to networks.

Figures are read here. They are made from netlists, in `characterise`.
"""
