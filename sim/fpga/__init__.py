"""Place and route on an FPGA: one design, many in parallel, and reading of results.

Estimates without place and route are in `netlist/generic`.
"""
