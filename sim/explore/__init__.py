"""Searches designs of arrays for the best by cycles, energy, area and accuracy.

Pages and pictures of what is found are in `truncmac/exploration`.
"""
