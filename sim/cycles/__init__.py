"""Cycle counts that equal the RTL's counters: the closed form, and the control step by step.

What a cycle costs in energy is in `energy`; how layers use the array over time is in `schedule`.
"""
