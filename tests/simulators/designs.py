"""Writes the block of each test as Verilog, instead of simulating it."""

import hashlib
import os
from pathlib import Path

import pytest

import tests.support
from truncmac.hw.verilog import hierarchical_verilog

TOP = "truncmac_block"
TAKEN = {}


def folder_of(test):
    """Where a test's design is, of its node's name."""
    return Path(os.environ["TRUNCMAC_DESIGNS"]) / hashlib.sha256(test.encode()).hexdigest()[:16]


def written(component, *testbenches, **more):
    """Write a component, the first of a test."""
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    folder = folder_of(test)
    folder.mkdir(parents=True)
    (folder / "block.v").write_text(hierarchical_verilog(component, TOP))
    pytest.skip("its block is written")


tests.support.simulate = written
tests.support.simulate_logic = written
