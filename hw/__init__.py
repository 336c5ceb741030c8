"""Amaranth components of the array, and its Verilog."""
