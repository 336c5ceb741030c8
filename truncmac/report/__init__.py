"""The report of a workload on an array: what it computes, its words, tables, pictures and page.

The models behind it are in `sim`.
"""
