import re

import numpy as np
import pytest

from truncmac.golden import Shortcut, example_images, example_network, execute, load, save, shapes


@pytest.fixture(scope="module")
def resnet20():
    return example_network("resnet20")


def test_resnet20_has_the_layers_and_the_work_of_the_paper(resnet20):
    assert len(resnet20.products) == 20
    assert sum(isinstance(layer, Shortcut) for layer in resnet20.layers) == 2
    assert sum(product.residual is not None for product in resnet20.products) == 9
    gemms = []
    execute(resnet20, example_images("resnet20", 1), 8, on_gemm=gemms.append)
    assert sum(gemm.macs for gemm in gemms) == 40_551_040
    assert shapes(resnet20)["stage3_block3_b"] == (64, 8, 8)


def test_every_layer_uses_the_range_of_its_codes(resnet20):
    images = example_images("resnet20", 1, seed=5)
    for bits in resnet20.bit_widths:
        outputs = execute(resnet20, images, bits).outputs
        for product in resnet20.products:
            assert len(np.unique(outputs[product.name])) > 5, (product.name, bits)


def test_it_is_a_valid_file_and_the_same_each_time(resnet20, tmp_path):
    save(resnet20, tmp_path / "network.safetensors")
    again = load(tmp_path / "network.safetensors")
    assert again.layers == resnet20.layers
    for name, tensor in example_network("resnet20").tensors.items():
        np.testing.assert_array_equal(again.tensors[name], tensor, err_msg=name)


def test_an_unknown_example_is_refused():
    message = "Example must be one of resnet18, resnet20, not 'resnet2000'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        example_network("resnet2000")
