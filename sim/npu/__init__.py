"""The NPU's compiler: from a network to program, weights, parameters and a memory map.

The program's format is in `truncmac.descriptors`, its meaning in `golden/program`.
"""
