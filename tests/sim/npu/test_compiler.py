"""Programs of the compiler give, on the reference, what golden gives for the network."""

from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import newer_network, small_network
from tests.sim.npu.networks import CONFIGS, differences, run, small_memory
from tests.sim.npu.test_actions import codes_network, conv
from truncmac.golden import (
    AvgPool,
    Network,
    Setting,
    Shortcut,
    builtin_images,
    builtin_network,
    example_images,
    example_network,
    execute,
    network_by_name,
)
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig, npu_array
from truncmac.model.checkpoint import new_model
from truncmac.model.data import ImageShape
from truncmac.model.export import export
from truncmac.model.recipes import Recipe
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.plan import NoRoomError
from truncmac.sim.npu.stimulus import WIDTHS, random_images, random_network


def test_digits_equal_golden_at_every_width():
    network, (images, _) = builtin_network(), builtin_images()
    for image in images[:3]:
        assert differences(network, NpuConfig(), [8, 4, 2, 1], image) == []


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.array.name)
def test_a_small_network_equals_golden_on_every_npu(config):
    network = small_network()
    assert differences(network, config, [8, 2], random_images(network, 5)[0]) == []


def test_resnet20_equals_golden():
    network = example_network("resnet20")
    image = example_images("resnet20", 1)[0]
    assert differences(network, NpuConfig(), [8, 1], image) == []


@pytest.mark.long
def test_resnet18_equals_golden_where_all_maps_fit():
    network = example_network("resnet18")
    image = example_images("resnet18", 1)[0]
    array = ArrayConfig(rows=16, cols=16)
    config = NpuConfig(array=array, bus_width=128, groups=4, depth=8192)
    assert differences(network, config, [8, 4, 2, 1], image) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mlp", (1, 28, 28)),
        ("cnn", (1, 28, 28)),
        ("vgg-small", (3, 32, 32)),
        ("resnet18", (3, 32, 32)),
        ("resnet50", (3, 32, 32)),
    ],
)
def test_every_network_that_can_be_trained_equals_golden(name, shape):
    model = new_model(name, ImageShape(*shape, 10), Recipe(epochs=1)).eval()
    network = export(model, shape)
    array = npu_array(rows=16, cols=16, max_reduction=1 << 14, multiplier_bits=24)
    config = NpuConfig(array=array, bus_width=128, groups=4, depth=2048)
    widths = [max(network.bit_widths), min(network.bit_widths)]
    assert differences(network, config, widths, random_images(network, 3)[0]) == []


@pytest.mark.long
@pytest.mark.parametrize("depth", [2048, 1024])
def test_resnet18_at_224_equals_golden_by_bands(depth):
    network = network_by_name("resnet18")
    config = NpuConfig(array=npu_array(rows=16, cols=16), bus_width=128, depth=depth)
    settings = [Setting("8", 8), Setting("1", 1)]
    compiled = compile_network(network, config, settings)
    assert compiled.plan.bands > 5
    image = random_images(network, depth)[0]
    for entry in compiled.entries:
        output, _, _ = run(compiled, entry, image)
        expected = execute(network, image[None], entry.setting.bits).logits[0]
        assert np.array_equal(output, expected)
    assert differences(network, config, [4], image) == []


@pytest.mark.long
@pytest.mark.parametrize("depth", [255, 128, 64])
def test_resnet20_equals_golden_by_bands(depth):
    network = example_network("resnet20")
    config = NpuConfig(depth=depth)
    image = example_images("resnet20", 1)[0]
    compiled = compile_network(network, config, [Setting("8", 8)])
    assert compiled.plan.bands > 20
    assert compiled.spilled
    assert differences(network, config, [8, 1], image) == []


@pytest.mark.parametrize("depth", [24, 16])
def test_digits_equal_golden_on_small_memories(depth):
    config = NpuConfig(depth=depth)
    network, image = builtin_network(), builtin_images()[0][3]
    assert differences(network, config, [8, 1], image) == []
    compiled = compile_network(network, config, [Setting("8", 8)])
    assert set(compiled.spilled) == ({"conv2", "conv3"} if depth == 16 else {"conv2"})


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "shape", "depth", "bands"),
    [
        ("mlp", (1, 28, 28), 128, 0),  # a linear layer reads all of its map, which fits or not
        ("cnn", (1, 28, 28), 64, 8),
        ("vgg-small", (3, 32, 32), 256, 50),
    ],
)
def test_networks_that_can_be_trained_equal_golden_by_bands(name, shape, depth, bands):
    model = new_model(name, ImageShape(*shape, 10), Recipe(epochs=1)).eval()
    network = export(model, shape)
    config = NpuConfig(array=npu_array(max_reduction=8192, multiplier_bits=24), depth=depth)
    compiled = compile_network(network, config, [Setting("8", 8)])
    assert compiled.plan.bands >= bands
    widths = [max(network.bit_widths), min(network.bit_widths)]
    assert differences(network, config, widths, random_images(network, 3)[0]) == []


SEEDS = [
    *range(24),
    64,  # packs a window of one row whose vertical stride is 2
    *(pytest.param(seed, marks=pytest.mark.long) for seed in range(65, 440)),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks_equal_golden(seed):
    network = random_network(seed)
    config = CONFIGS[seed % len(CONFIGS)]
    rng = np.random.default_rng(seed)
    image = random_images(network, seed)[0]
    own = {layer.name: int(rng.choice(WIDTHS)) for layer in network.products if layer.bits is None}
    widths = [int(rng.choice(WIDTHS)), *([own] if network.products else [])]
    assert differences(network, config, widths, image) == []


@pytest.mark.parametrize(
    "seed", [*range(24), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(24, 500))]
)
def test_random_networks_on_small_memories_equal_golden(seed):
    """More than a third of them run by bands; see `test_many_small_memories_make_bands`."""
    network = random_network(seed)
    rng = np.random.default_rng(seed)
    image = random_images(network, seed)[0]
    own = {layer.name: int(rng.choice(WIDTHS)) for layer in network.products if layer.bits is None}
    widths = [int(rng.choice(WIDTHS)), *([own] if network.products else [])]
    config = small_memory(network, seed)
    try:
        assert differences(network, config, widths, image) == []
    except NoRoomError:
        return  # a mean of a whole map, or a linear layer
    assert differences(network, config, widths[:1], image, keep=False) == []


@pytest.mark.parametrize(("depth", "folds"), [(128, True), (127, False), (66, False), (64, True)])
def test_a_shortcut_is_an_operation_where_the_larger_map_has_no_room(depth, folds):
    """Beside the image three maps of 64 words are needed at once; in 64 words there are bands."""
    layers = [
        *(Shortcut("s", "image", channels=4, stride=(8, 8)), conv("a", "image"), conv("c", "a")),
        *(conv("e", "c"), conv("f", "e", residual="a"), conv("g", "f", stride=(8, 8))),
        conv("b", "g", residual="s"),
    ]
    network = codes_network(layers, image=(4, 16, 8))
    config = NpuConfig(array=ArrayConfig(rows=4, cols=4, lanes=2), depth=depth)
    compiled = compile_network(network, config, [Setting("8", 8)])
    assert ("s" not in compiled.steps.maps) == folds
    assert differences(network, config, [8], random_images(network, 1)[0]) == []


def test_many_small_memories_make_bands():
    kinds = {"resident": 0, "banded": 0, "spilled": 0, "beside": 0, "inner": 0, "strided": 0}
    for seed in range(24):
        network = random_network(seed)
        try:
            compiled = compile_network(network, small_memory(network, seed), [Setting("8", 8)])
        except NoRoomError:
            continue
        banded = [part for part in compiled.plan.segments if len(part.bands) > 1]
        kinds["resident"] += not compiled.plan.bands
        kinds["banded"] += bool(banded)
        kinds["spilled"] += bool(compiled.spilled)
        kinds["beside"] += any(part.loads_beside or part.stores_beside for part in banded)
        kinds["inner"] += any(len(part.run.steps) > 1 for part in banded)
        kinds["strided"] += any(
            step.residual_stride[0] > 1 for part in banded for step in part.run.steps
        )
    assert kinds["banded"] >= 8
    assert kinds.pop("strided") >= 1
    assert all(count >= 3 for count in kinds.values())


def test_all_programs_share_the_weights_and_read_a_prefix_of_them():
    network = builtin_network()
    settings = [Setting(str(k), k) for k in (8, 4, 2, 1)]
    compiled = compile_network(network, NpuConfig(), settings)
    weights = [each for each in compiled.sections if each.name.startswith("weights")]
    assert len(weights) == len(network.products)
    image = builtin_images()[0][0]
    read = {
        entry.setting.bits: run(compiled, entry, image)[2].weights for entry in compiled.entries
    }
    # A layer that is done by bands reads them for each
    bands = {
        f"weights of {step.name}": len(segment.bands)
        for segment in compiled.plan.segments
        for step in segment.run.steps
    }
    assert max(bands.values()) > 1
    assert read[8] == sum(section.size * bands[section.name] for section in weights)
    # Those layers that follow k read k / 8 of their bytes, the others all
    names = {f"weights of {layer.name}" for layer in network.products if layer.bits is None}
    follow = sum(s.size * bands[s.name] for s in weights if s.name in names)
    for bits in (4, 2, 1):
        assert read[bits] == read[8] - follow + follow * bits // 8


def test_sections_begin_at_whole_beats_and_fill_the_region():
    for config in CONFIGS[:4]:
        compiled = compile_network(small_network(), config, [Setting("8", 8), Setting("2", 2)])
        end = 0
        for section in compiled.sections:
            assert section.offset % config.bus_bytes == 0
            assert 0 <= section.offset - end < config.bus_bytes
            end = section.offset + section.size
        assert len(compiled.program) - end < config.bus_bytes
        assert [entry.offset for entry in compiled.entries] == [
            section.offset for section in compiled.sections[:2]
        ]


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (
            NpuConfig(array=ArrayConfig(max_reduction=100)),
            "Layer 'conv2' has reduction K = 144.*up to 100.*--max-reduction 144",
        ),
        (
            NpuConfig(array=ArrayConfig(multiplier_bits=4)),
            "Layer 'conv1' has a requantisation multiplier of more than the 4 bits",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(config, match):
    with pytest.raises(ValueError, match=match):
        compile_network(builtin_network(), config, [Setting("8", 8)])


def test_a_map_of_which_no_row_fits_is_refused_by_name():
    """The mean reads all of 8 x 8 x 64 codes for its one row: 8 blocks of 8 words."""
    text = "Layer 'mean' does not fit.*3 groups of 63 words: with as few rows.*64 for '.*8 for"
    with pytest.raises(ValueError, match=text):
        compile_network(example_network("resnet20"), NpuConfig(depth=63), [Setting("8", 8)])
    perceptron = random_network(18)
    config = NpuConfig(array=ArrayConfig(rows=1, cols=8, lanes=1), depth=16)
    with pytest.raises(ValueError, match=r"Layer 'hidden' does not fit.*3 groups of 16 words"):
        compile_network(perceptron, config, [Setting("8", 8)])


def test_a_k_without_parameters_is_refused():
    with pytest.raises(ValueError, match="no parameters for k = 3"):
        compile_network(small_network(), NpuConfig(), [Setting("3", 3)])


def test_layers_that_the_output_does_not_need_are_left_out():
    network = small_network()
    first, *others = network.layers
    unused = type(first)(**(vars(first) | {"name": "unused"}))
    tensors = dict(network.tensors)
    for name, array in network.tensors.items():
        if name.startswith("first."):
            tensors[name.replace("first", "unused", 1)] = array
    more = Network("more", network.image, network.bit_widths, (first, unused, *others), tensors)
    compiled = compile_network(more, NpuConfig(), [Setting("8", 8)])
    assert "unused" not in compiled.steps.maps
    assert differences(more, NpuConfig(), [8], random_images(more, 0)[0]) == []


def test_pixels_that_share_a_weight_equal_golden():
    """A pool that gives the mean code in place of one that requantises, which is refused."""
    network = newer_network()
    with pytest.raises(ValueError, match="^Layer 'conv' rounds halves to the even code"):
        compile_network(network, NpuConfig(), [Setting("8", 8)])
    network = newer_network(rounding="half_up")
    conv, _, flat, logits = network.layers
    layers = (conv, AvgPool("mean", "conv", (2, 2)), flat, logits)
    network = replace(network, layers=layers)
    assert differences(network, NpuConfig(), [8, 2], random_images(network, 3)[0]) == []
