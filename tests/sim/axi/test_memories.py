import re

import numpy as np
import pytest

from truncmac.golden import Gemm, Requantisation
from truncmac.hw.config import ArrayConfig
from truncmac.sim.axi.memories import (
    Memories,
    activation_words,
    hex_lines,
    read_results,
    residual_words,
)

CONFIG = ArrayConfig(2, 3, 2, 1, 10, 1)


def product(rows=3, reduction=5, columns=4, **fields):
    rng = np.random.default_rng(rows)
    activations = rng.integers(0, 256, (rows, reduction), np.uint8)
    codes = rng.integers(0, 256, (reduction, columns), np.uint8)
    return Gemm("layer", activations, codes, **({"bits": 8, "offset": 255} | fields))


def test_hex_lines_have_the_highest_byte_first():
    assert hex_lines(np.array([[1, 2], [0xAB, 0xCD]], np.uint8)) == b"0201\ncdab\n"


def test_activation_words_are_beats_of_row_tiles():
    activations = np.arange(1, 16, dtype=np.uint8).reshape(3, 5)
    words = activation_words(activations, CONFIG)
    assert words.tolist() == [
        [1, 2, 6, 7],
        [3, 4, 8, 9],
        [5, 0, 10, 0],
        [11, 12, 0, 0],
        [13, 14, 0, 0],
        [15, 0, 0, 0],
    ]


def test_residual_words_follow_the_tiles():
    residual = np.arange(1, 13, dtype=np.uint8).reshape(3, 4)
    assert residual_words(residual, CONFIG).tolist() == [
        *([1, 2, 3], [5, 6, 7], [9, 10, 11], [0, 0, 0]),
        *([4, 0, 0], [8, 0, 0], [12, 0, 0], [0, 0, 0]),
    ]


def test_a_word_has_the_residual_codes_of_all_rows_that_leave_at_once():
    residual = np.arange(1, 9, dtype=np.uint8).reshape(2, 4)
    pairs = ArrayConfig(2, 3, 2, 1, 10, 6)
    assert residual_words(residual, pairs).tolist() == [[1, 2, 3, 5, 6, 7], [4, 0, 0, 8, 0, 0]]


def test_equal_operands_are_stored_once():
    memories = Memories(CONFIG)
    memories.add(product(bits=8))
    words = memories.depth
    memories.add(product(bits=2, offset=3))
    assert memories.depth == words
    assert CONFIG.tile_grid(product().rows, product().columns) == (2, 2)
    assert len(memories.tiles) == 8
    assert [tile.last for tile in memories.tiles] == [False, False, False, True] * 2
    assert memories.tiles[0].weights == memories.tiles[4].weights


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"reduction": 11},
            "Layer 'layer' has reduction K = 11; the array is built for K up to 10. "
            "Build it with --max-reduction 11",
        ),
        (
            {"requant": (1 << 17, 0)},
            "Layer 'layer' has a requantisation multiplier of more than the 18 bits "
            "that the array is built for",
        ),
        (
            {"requant": (0, 1 << 39)},
            f"Layer 'layer' has a requantisation bias of more than the {CONFIG.bias_width} bits "
            "that the array is built for",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(fields, message):
    if "requant" in fields:
        multiplier, bias = fields["requant"]
        zeros = np.zeros(4, np.int64)
        requant = Requantisation(
            multiplier=zeros + multiplier, bias=zeros + bias, shift=zeros, out_bits=8
        )
        fields = {"requant": requant}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Memories(CONFIG).add(product(**fields))


def test_missing_and_undefined_results_are_errors(tmp_path):
    path = tmp_path / "results.hex"
    path.write_text("00000000000000xx\n")
    with pytest.raises(RuntimeError, match="undefined bits"):
        read_results(path, [product()], CONFIG)
    path.write_text(f"{1:016x}\n" * 6)
    with pytest.raises(RuntimeError, match="ended within layer 'layer'"):
        read_results(path, [product()], CONFIG)


def test_results_are_put_together_again(tmp_path):
    gemm = product()
    padded = np.zeros((4, 6), np.int64)
    padded[:3, :4] = gemm.sums()
    lines = [
        f"{int(padded[row, column]) & (1 << 64) - 1:016x}"
        for tile in range(2)
        for row in range(4)
        for column in range(3 * tile, 3 * tile + 3)
    ]
    path = tmp_path / "results.hex"
    path.write_text("\n".join(lines))
    (outputs,) = read_results(path, [gemm], CONFIG)
    np.testing.assert_array_equal(outputs, gemm.sums())
