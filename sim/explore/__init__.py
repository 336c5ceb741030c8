"""Finds the best designs of arrays by cycles, energy, area and accuracy.

Tables, pages and pictures of what is found are in `truncmac/exploration`.
"""
