"""Places and routes arrays on an FPGA, one or many at once, and reads the results.

Estimates without place and route are in `netlist/generic`.
"""
