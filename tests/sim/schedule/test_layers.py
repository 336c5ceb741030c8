import pytest

from truncmac.sim.schedule.layers import Layers
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload

WINDOW = Window(2, 10, 12, (3, 3), stride=(2, 1), padding=(1, 1))
WORKLOAD = Workload(
    "w",
    (
        LayerShape.conv2d("conv", WINDOW, 6, groups=4, bits=3, residual=True),
        LayerShape("linear", 5, 20, 7, raw=True),
    ),
)


def test_layers_are_the_shapes_of_all_images():
    layers = Layers.of(WORKLOAD, images=3)
    assert layers.groups.tolist() == [4, 1]
    assert layers.rows.tolist() == [3 * 5 * 12, 3 * 5]
    assert layers.reduction.tolist() == [18, 20] and layers.columns.tolist() == [6, 7]
    assert layers.raw.tolist() == [False, True] and layers.residual.tolist() == [True, False]
    assert layers.input_codes.tolist() == [3 * 2 * 10 * 12, 3 * 5 * 20]  # of one group
    assert layers.macs.sum() == 3 * WORKLOAD.macs
    assert layers.output_bytes.tolist() == [180 * 6, 15 * 7 * 4]


def test_windows_read_lines_and_a_layer_without_one_reads_its_rows():
    layers = Layers.of(WORKLOAD)
    assert layers.line.tolist() == [12, 1]
    assert layers.line_codes.tolist() == [2 * 12, 20]
    assert layers.kernel.tolist() == [3, 1] and layers.stride.tolist() == [2, 1]


def test_a_layer_has_its_own_k_or_the_network_s():
    layers = Layers.of(WORKLOAD)
    assert layers.bits(8).tolist() == [3, 8]
    assert layers.bits([[8], [2]]).tolist() == [[3, 8], [3, 2]]
    products = layers.products(layers.bits(2))
    assert products.bits.tolist() == [3, 2] and products.fresh.tolist() == [True, False]


def test_a_batch_has_an_image():
    with pytest.raises(ValueError, match="^Images must be at least 1, not 0$"):
        Layers.of(WORKLOAD, images=0)
