"""The synthesised netlist: Liberty libraries, mapping, gate-level simulation, timing and power.

Nothing here knows what an array computes; `characterise` does.
"""
