import numpy as np

from tests.sim.explore.exploring import evaluator_for
from truncmac.sim.explore.found import Sample


def test_a_sample_does_not_depend_on_the_order():
    table = evaluator_for(constraints={"pes": {"max": 20, "min": 6}}).evaluate(np.arange(60))
    assert not table["feasible"].all()
    parts = [
        {name: column[table["point"] % 3 == i] for name, column in table.items()} for i in range(3)
    ]
    samples = []
    for order in ((0, 1, 2), (2, 0, 1)):
        sample = Sample(seed=1, size=20)
        for index in order:
            sample.add(parts[index])
        samples.append((sample.table["point"].tolist(), sample.table["bits"].tolist()))
        assert sample.table["feasible"].all()
    assert samples[0] == samples[1]
    assert len(set(zip(*samples[0], strict=True))) == 20
    other = Sample(seed=2, size=20)
    other.add(table)
    assert other.table["point"].tolist() != samples[0][0]
