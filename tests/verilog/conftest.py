from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def build_root():
    """Built simulators, kept from run to run: a build is redone when its sources change."""
    return Path("build/tests/sim")
