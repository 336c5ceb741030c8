"""The NPU around the core: one register write runs a whole network.

Its program's format is in `truncmac.descriptors`, its compiler in `sim/npu`.
"""
