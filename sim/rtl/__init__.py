"""The RTL in a simulator: the harness and bench, stimulus, networks, waveforms, first differences.

What is right comes from `golden`; nothing here predicts.
"""
