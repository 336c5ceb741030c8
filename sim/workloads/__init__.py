"""Layers by shape alone: of known networks, topology files, network files and PyTorch modules.

Weights and images do not live here: they make a network, which is `golden`'s.
"""
