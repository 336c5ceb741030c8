"""Random programs of the NPU, on random sizes of it, against the reference.

A step of `make verify` runs them. Tests of fixed sizes are in `tests/sim/rtl/npu`.
"""
