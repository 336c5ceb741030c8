"""Benchmarks for developers, as ratios in one run; not part of the package."""
