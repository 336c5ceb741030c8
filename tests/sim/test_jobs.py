import pytest

from truncmac.sim import jobs
from truncmac.sim.jobs import DaskCluster


def test_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr(jobs, "CONNECT_S", 1)
    with (
        pytest.raises(RuntimeError, match=r"^No Dask scheduler answers at tcp://127.0.0.1:9: "),
        DaskCluster.connect("tcp://127.0.0.1:9", 0),
    ):
        pass
