"""Runs the RTL in a simulator and compares it with golden."""
