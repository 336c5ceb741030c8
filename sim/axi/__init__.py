"""The AXI-Stream top from its host's side: memories as bytes, words to send, deployment files.

The top itself is hardware, in `hw/axi`. Its cycles are in `cycles/axi`.
"""
