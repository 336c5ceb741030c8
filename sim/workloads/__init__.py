"""Layers by shape alone: of known networks, topology files, network files and PyTorch modules.

No weights or images: those are networks, and live in `golden`.
"""
