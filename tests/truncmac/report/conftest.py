import pytest

from truncmac.report.document import as_dictionary
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.workloads.names import workload_by_name


@pytest.fixture(scope="module")
def document():
    """A small report's figures; three images, at three k."""
    return as_dictionary(
        analyse(workload_by_name("digits"), PLATFORMS["edge"], [8, 4, 1], images=3)
    )
