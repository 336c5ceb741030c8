"""Directed tests of the AXI top beside those of tests/rtl, for what those leave out."""
