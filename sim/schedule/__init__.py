"""How layers run on an array over time: order of tiles, DRAM traffic, platforms, shapes.

Cycles of one product come from `cycles`; energy is in `energy`.
"""
