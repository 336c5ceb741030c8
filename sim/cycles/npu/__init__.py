"""The NPU cycle by cycle: what of a program happens when, without data.

The core's own control is in `sim.cycles.control`. Nothing here is read from the RTL.
"""
