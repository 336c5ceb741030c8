from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.folding import ArrayShape, array_shapes, foldings, square_array
from truncmac.sim.schedule.platforms import Memory, Platform
from truncmac.sim.workloads.names import workload_by_name
from truncmac.sim.workloads.shapes import LayerShape, Workload

AMPLE = Memory(1 << 30, 1 << 30, 1e15)
CONFIG = ArrayConfig(16, 16, 8, 1)


def utilisations(workload, config, images):
    found = analyse(workload, Platform("p", config, 1e9, AMPLE), [8, 1], images=images)
    return {(row["layer"], row["k"]): row["utilisation"] for row in found.layer_records()}


def test_images_fill_the_rows_that_one_leaves_idle():
    workload = workload_by_name("resnet18")
    alone = utilisations(workload, CONFIG, 1)
    found = {folding.layer.name: folding for folding in foldings(workload, CONFIG, [8, 1])}
    assert set(found) == {layer.name for layer in workload.layers if layer.rows % 16}
    assert {name: folding.images for name, folding in found.items()} == {
        name: 16 if name == "classes" or name.startswith(("stages_6", "stages_7")) else 4
        for name in found
    }
    for name, folding in found.items():
        folded = utilisations(workload, CONFIG, folding.images)
        assert folding.alone == pytest.approx([alone[name, k] for k in (8, 1)])
        assert folding.folded == pytest.approx([folded[name, k] for k in (8, 1)])
        assert all(b > a for a, b in zip(folding.alone, folding.folded, strict=True))
    assert found["classes"].folded[0] > 15 * found["classes"].alone[0]
    assert found["classes"].columns_fill == 1000 / 1008


def test_images_do_not_help_where_the_rows_are_full():
    full = Workload("w", (LayerShape("full", 32, 100, 3), LayerShape("part", 31, 100, 3)))
    (only,) = foldings(full, CONFIG, [8])
    assert (only.layer.name, only.images, only.columns_fill) == ("part", 16, 3 / 16)


def test_it_is_the_rows_that_images_fill():
    layer = LayerShape("layer", 12, 100, 5)
    (only,) = foldings(Workload("w", (layer,)), ArrayConfig(8, 5, 8, 1), [8])
    assert (only.images, only.columns_fill) == (2, 1)


def test_each_shape_of_as_many_pes_is_counted():
    workload = workload_by_name("resnet20")
    found = array_shapes(workload, CONFIG, [8, 1], images=2)
    assert [(s.config.rows, s.config.cols) for s in found] == [
        (1 << n, 1 << (8 - n)) for n in range(9)
    ]
    assert CONFIG in [shape.config for shape in found]
    for shape in found:
        platform = Platform("p", shape.config, 1e9, AMPLE)
        totals = analyse(workload, platform, [8, 1], images=2).total_records()
        assert list(shape.cycles) == [total["cycles"] for total in totals]


def test_an_array_with_requantisers_of_its_own_stays_as_it_is():
    config = replace(CONFIG, requantisers=16)
    found = {
        shape.config.rows: shape for shape in array_shapes(workload_by_name("digits"), config, [1])
    }
    assert found[16].config == config
    plain = {
        shape.config.rows: shape for shape in array_shapes(workload_by_name("digits"), CONFIG, [1])
    }
    assert found[16].cycles < plain[16].cycles
    assert found[8] == plain[8]


def test_shapes_that_cannot_be_built_are_left_out():
    config = ArrayConfig(64, 64, 64, 8)  # 32,768 bits a cycle on both sides
    found = array_shapes(workload_by_name("digits"), config, [8])
    assert [shape.config.rows for shape in found] == [32, 64, 128]


@pytest.mark.parametrize(
    ("macs", "sides"), [(256, (16, 16)), (512, (32, 16)), (7, (7, 1)), (1, (1, 1)), (96, (12, 8))]
)
def test_the_nearest_to_a_square(macs, sides):
    assert square_array(macs) == sides


def test_records_are_plain_values_by_name():
    layer = LayerShape("layer", 12, 100, 5)
    (folding,) = foldings(Workload("w", (layer,)), ArrayConfig(8, 5, 8, 1), [8, 1])
    assert folding.as_record([8, 1]) == {
        "layer": "layer",
        "images": 2,
        "alone": {"8": folding.alone[0], "1": folding.alone[1]},
        "folded": {"8": folding.folded[0], "1": folding.folded[1]},
        "columns_fill": 1.0,
    }
    shape = ArrayShape(ArrayConfig(4, 6, 8, 1, requantisers=3), (90, 20))
    sizes = {"rows": 4, "cols": 6, "requantisers": 3}
    assert shape.as_record([8, 2]) == sizes | {"cycles": {"8": 90, "2": 20}}
