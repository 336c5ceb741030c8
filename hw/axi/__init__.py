"""The AXI-Stream top around the core: registers, streams and jobs.

The host that feeds it is in `sim/axi`.
"""
