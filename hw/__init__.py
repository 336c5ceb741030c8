"""Amaranth components of the array, and its Verilog.

Parts of the core stand here, the AXI-Stream top in `axi`. Models of cycles and energy are in
`sim`.
"""
