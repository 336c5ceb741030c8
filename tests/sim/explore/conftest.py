import numpy as np
import pytest

from truncmac.sim.explore import chunks
from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.settings import spec_of

SPACE = {
    "rows": [4, 5],
    "cols": [4, 6],
    "lanes": 4,
    "planes": [1, 2],
    "requantisers": "auto,4",
    "activation_kib": [32, 1],
    "dram_gb_s": 0.02,  # limits some layers
    "clock_mhz": 50,
}


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "LEAST_ENTRIES", 16)
    monkeypatch.setattr(chunks, "CHUNKS", 8)


@pytest.fixture(scope="session")
def evaluator():
    """What evaluates two workloads at three k on 24 arrays; some do not fit or are too large."""
    return evaluator_of(
        spec_of(
            {
                "workloads": ["digits", "resnet20"],
                "bits": [8, 3, 1],
                "images": 2,
                "space": SPACE,
                "constraints": {"pes": {"max": 24}, "bits": {"min": 2}},
            }
        )
    )


@pytest.fixture(scope="session")
def table(evaluator):
    """The table of all those designs."""
    return evaluator.evaluate(np.arange(len(evaluator.spec.design_space)))
