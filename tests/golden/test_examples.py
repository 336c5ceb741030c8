import re

import numpy as np
import pytest

from truncmac.golden import (
    AvgPool,
    Conv2d,
    Flatten,
    ImageSpec,
    Linear,
    MaxPool,
    Shortcut,
    example_images,
    example_network,
    execute,
    load,
    save,
    shapes,
    weight_codes,
)
from truncmac.golden.examples import EXAMPLES


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


def plain(name):
    """Layers of an example without weights, with the shapes of those that they have."""
    image, layers = EXAMPLES[name]()
    return image, list(layers)


def block(stage, number, before, inputs, outputs, shortcut):
    """A basic block of arXiv 1512.03385: two convolutions of 3 x 3, and what is added."""
    name = f"stage{stage}_block{number}"
    halves = inputs != outputs
    stride, residual = ((2, 2), f"{name}_shortcut") if halves else ((1, 1), before)
    entries = [shortcut(residual, before, inputs, outputs)] if halves else []
    first = Conv2d(f"{name}_a", before, out_bits=4, stride=stride, padding=(1, 1))
    second = Conv2d(f"{name}_b", f"{name}_a", residual=residual, out_bits=4, padding=(1, 1))
    return [*entries, (first, (outputs, inputs, 3, 3)), (second, (outputs, outputs, 3, 3))]


def test_resnet20_is_that_of_the_paper():
    """Section 4.2: 3 x 3 of 16 channels, three blocks each of 16, 32 and 64; option A."""

    def shortcut(name, before, inputs, outputs):
        return Shortcut(name, before, outputs, (2, 2)), None

    expected = [(Conv2d("stem", "image", bits=8, out_bits=4, padding=(1, 1)), (16, 3, 3, 3))]
    inputs = 16
    for stage, outputs in ((1, 16), (2, 32), (3, 64)):
        for number in (1, 2, 3):
            before = expected[-1][0].name
            expected += block(stage, number, before, inputs, outputs, shortcut)
            inputs = outputs
    expected += [(AvgPool("mean", "stage3_block3_b"), None), (Flatten("flatten", "mean"), None)]
    expected.append((Linear("logits", "flatten", bits=8), (10, 64)))
    assert plain("resnet20") == (ImageSpec(3, 32, 32, 8), expected)


def test_resnet18_is_that_of_the_paper():
    """Table 1: 7 x 7, a pool of 3 x 3, two blocks each of 64, 128, 256 and 512; option B."""

    def shortcut(name, before, inputs, outputs):
        layer = Conv2d(name, before, out_bits=4, stride=(2, 2))
        return layer, (outputs, inputs, 1, 1)

    stem = Conv2d("stem", "image", bits=8, out_bits=4, stride=(2, 2), padding=(3, 3))
    expected = [(stem, (64, 3, 7, 7)), (MaxPool("pool", "stem", (3, 3), (2, 2), (1, 1)), None)]
    inputs = 64
    for stage, outputs in ((1, 64), (2, 128), (3, 256), (4, 512)):
        for number in (1, 2):
            before = expected[-1][0].name
            expected += block(stage, number, before, inputs, outputs, shortcut)
            inputs = outputs
    expected += [(AvgPool("mean", "stage4_block2_b"), None), (Flatten("flatten", "mean"), None)]
    expected.append((Linear("logits", "flatten", bits=8), (1000, 512)))
    assert plain("resnet18") == (ImageSpec(3, 224, 224, 8), expected)


def test_images_are_patches_of_one_code_and_follow_their_seed():
    """A quarter of the image a side each, of codes of the whole range."""
    images = example_images("resnet20", 40)
    assert (images.shape, images.dtype) == ((40, 3, 32, 32), np.uint8)
    patches = images.reshape(40, 3, 4, 8, 4, 8)
    assert (patches == patches[:, :, :, :1, :, :1]).all()
    assert (images.min(), images.max()) == (0, 255)
    assert len(np.unique(patches[:, :, :, 0, :, 0])) > 240
    np.testing.assert_array_equal(example_images("resnet20", 40, seed=0), images)
    assert (example_images("resnet20", 40, seed=1) != images).mean() > 0.9
    assert example_images("resnet18", 1).shape == (1, 3, 224, 224)


def test_weights_are_normal_and_follow_their_seed(resnet20):
    """A standard deviation of 1/2: tanh of it, over its largest, is what the codes stand for."""
    rng = np.random.default_rng(0)
    for layer, shape in plain("resnet20")[1]:
        if shape is not None:
            codes = weight_codes(rng.normal(scale=0.5, size=shape))
            np.testing.assert_array_equal(resnet20.tensors[f"{layer.name}.codes"], codes)
    other = example_network("resnet20", 1).tensors["stem.codes"]
    assert not np.array_equal(other, resnet20.tensors["stem.codes"])


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_codes_reach_two_standard_deviations_above_the_mean(resnet20, bits):
    """15 steps of a code for two of a channel's standard deviations, each and one more unit of S.

    Of the two images that the network is made with. A residual adds its codes as they are, and
    logits are the sums.
    """
    gemms = {}
    execute(
        *(resnet20, example_images("resnet20", 2), bits),
        on_gemm=lambda gemm: gemms.update({gemm.name: gemm}),
    )
    for name in ("stem", "stage1_block1_b", "stage3_block1_a"):
        sums = gemms[name].sums()
        found = {
            part: resnet20.tensors[f"{name}.b{bits}.{part}"].astype(float)
            for part in ("multiplier", "bias", "shift")
        }
        unit = 2.0 ** found["shift"]
        scale = 15 / (2 * (sums.std(axis=0) + 1))
        assert found["multiplier"] / unit == pytest.approx(scale, rel=1e-4)
        assert found["bias"] / unit - 0.5 == pytest.approx(-scale * sums.mean(axis=0), abs=1e-3)
    second = resnet20.tensors[f"stage1_block1_b.b{bits}.residual_multiplier"]
    shift = resnet20.tensors[f"stage1_block1_b.b{bits}.shift"]
    assert second.tolist() == (1 << shift).tolist()
    assert resnet20.tensors[f"logits.b{bits}.multiplier"].tolist() == [1] * 10
    assert resnet20.tensors[f"logits.b{bits}.bias"].tolist() == [0] * 10
    assert f"stem.b{bits}.residual_multiplier" not in resnet20.tensors
    assert resnet20.bit_widths == (8, 4, 2, 1)
