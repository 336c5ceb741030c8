"""The AXI-Stream top from its host's side: memories as bytes, the words it sends, deployment files.

The top itself is hardware, in `hw/axi`; its cycles are in `cycles/axi`.
"""
