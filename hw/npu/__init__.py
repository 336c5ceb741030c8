"""The NPU around the core: one register write runs a whole network.

Its program's format is in `truncmac.descriptors`, its compiler in `sim/npu`. The blocks that move
data are tested one by one. Controller, engine and top join them, and do not run a program yet.
"""
