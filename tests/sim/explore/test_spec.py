import json

import pytest

from truncmac.sim.explore.settings import spec_of
from truncmac.sim.explore.spec import Spec


def test_a_spec_goes_through_json_and_keeps_its_name():
    spec = spec_of({"constraints": {"pes": {"max": 64}}})
    again = Spec.from_dictionary(json.loads(json.dumps(spec.as_dictionary())))
    assert again == spec
    assert again.digest("x") == spec.digest("x") != spec.digest("y")
    assert spec_of({"bits": 8}).digest() != spec_of({"bits": 4}).digest()


@pytest.mark.parametrize("name", ["rows", "speed"])
def test_an_objective_must_have_a_better_and_a_worse(name):
    with pytest.raises(ValueError, match=f"^s: An objective must be one of .*, not '{name}'$"):
        spec_of({"objectives": [name]}, "s")


def test_a_constraint_on_nothing_is_refused():
    with pytest.raises(ValueError, match=r"^s: A constraint must be on rows, .*, not 'speed'$"):
        spec_of({"constraints": {"speed": {"min": 1}}}, "s")
