from truncmac.report.tables import PART_TEXTS
from truncmac.sim.energy.efficiency import ENERGY_PARTS


def test_parts_of_the_energy_have_a_text_each():
    assert tuple(PART_TEXTS) == ENERGY_PARTS
