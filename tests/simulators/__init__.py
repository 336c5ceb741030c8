"""The benches of single blocks, run on their Verilog in Verilator and in Icarus.

A bench is written once, for Amaranth's own simulator. Here it plays on a simulator of Verilog
instead, through cocotb. The benches themselves are beside the blocks' other tests.
"""
