"""Amaranth components of the array, and its Verilog.

The parts of the core are here, and the AXI-Stream top is in `axi`. Models of cycles and energy
are in `sim`.
"""
