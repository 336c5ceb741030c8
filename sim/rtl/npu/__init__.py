"""The NPU's Verilog in a simulator, beside a memory: programs, and whole networks.

What is right comes from `golden`; nothing here predicts.
"""
