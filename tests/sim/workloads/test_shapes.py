from dataclasses import replace

import pytest

from truncmac.sim.schedule.rivals import scale_sim_cycles
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload


def test_groups_are_products_of_their_own():
    one = LayerShape.conv2d("a", Window(2, 5, 5, (3, 3)), 4)
    many = replace(one, groups=3)
    assert (many.macs, many.input_codes) == (3 * one.macs, 3 * one.input_codes)
    assert scale_sim_cycles([many], 4, 4) == 3 * scale_sim_cycles([one], 4, 4)


def test_rows_of_groups_are_codes_of_their_own():
    assert LayerShape("a", 2, 3, 4, groups=5).input_codes == 2 * 3 * 5


def test_a_layer_without_groups_is_refused():
    with pytest.raises(ValueError, match="^Layer 'a' must have groups of at least 1, not 0$"):
        LayerShape("a", 1, 1, 1, groups=0)


def test_a_layer_has_its_own_k_or_that_of_the_network():
    layer = LayerShape("a", 1, 1, 1)
    assert (layer.at(5), replace(layer, bits=3).at(5)) == (5, 3)


def test_the_rows_of_a_convolution_are_the_outputs_of_its_window():
    window = Window(3, 9, 8, (3, 2), stride=(2, 3), padding=(1, 0))
    layer = LayerShape.conv2d("a", window, 7, bits=4, residual=True)
    assert window.output == (5, 3)
    assert (layer.rows, layer.reduction, layer.columns) == (15, 18, 7)
    assert layer.input_codes == 3 * 9 * 8 and layer.macs == 15 * 18 * 7
    assert (layer.bits, layer.residual, layer.raw) == (4, True, False)


def test_a_window_larger_than_its_input_is_refused():
    message = r"^Layer 'a' must have at least one output, not \(0, 1\)$"
    with pytest.raises(ValueError, match=message):
        LayerShape.conv2d("a", Window(1, 2, 3, (3, 3)), 1)


def test_a_workload_without_layers_is_refused():
    with pytest.raises(ValueError, match="^Workload 'w' must have at least one layer of weights$"):
        Workload("w", ())
