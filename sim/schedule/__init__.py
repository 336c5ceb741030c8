"""How layers run on an array with memories: blocks, order, DRAM traffic, and where time goes.

The cycles of one product come from `cycles`; energy is in `energy`.
"""
