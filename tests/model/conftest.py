import pytest
import torch

from truncmac.model.data import digits


@pytest.fixture(autouse=True)
def one_thread():
    """The order of sums, and so every bit of a result, depends on the threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def split():
    return digits()
