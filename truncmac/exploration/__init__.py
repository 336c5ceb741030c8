"""What is shown of an exploration: its document, tables, page and pictures.

The search itself is in `sim/explore`.
"""
