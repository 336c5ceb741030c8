import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truncmac.golden import beat_major, memory_image, pack_weights, prefix, truncate, unpack_weights

SIZES = {
    "reduction": st.integers(1, 20),
    "width": st.integers(1, 12),
    "columns": st.integers(1, 5),
    "lanes": st.integers(1, 5),
    "planes": st.sampled_from([1, 2, 4, 8]),
    "bits": st.integers(1, 8),
}


def random_codes(*shape):
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, np.uint8)


@given(**SIZES)
@settings(max_examples=80, deadline=None)
def test_packing_is_undone_from_the_prefix_alone(reduction, width, columns, lanes, planes, bits):
    codes = random_codes(reduction, width)
    packed = pack_weights(codes, columns=columns, lanes=lanes, planes=planes)
    tiles, beats = -(-width // columns), -(-reduction // lanes)
    assert packed.shape == (tiles, 8 // planes, beats, columns, lanes)
    assert packed.max() < 2**planes
    damaged = packed.copy()
    damaged[:, -(-bits // planes) :] = 0  # what is below the prefix is not looked at
    np.testing.assert_array_equal(
        unpack_weights(damaged, reduction, width, bits), truncate(codes, bits)
    )


def test_layout_of_a_worked_example():
    codes = np.array([[0b11100100, 0x00], [0b00011011, 0xFF], [0x80, 0x01]], np.uint8)
    packed = pack_weights(codes, columns=2, lanes=2, planes=2)
    # tile 0, MSB chunk: beat 0 holds rows 0 and 1 of column 0, then of column 1
    assert packed[0, 0].tolist() == [[[3, 0], [0, 3]], [[2, 0], [0, 0]]]
    assert packed[0, 3].tolist() == [[[0, 3], [0, 3]], [[0, 0], [1, 0]]]
    image = memory_image(packed)
    assert image.shape == (1, 4, 2, 1)
    assert image[0, 0, :, 0].tolist() == [0b11_00_00_11, 0b00_00_00_10]


@pytest.mark.parametrize("planes", [1, 2, 4, 8])
@pytest.mark.parametrize("bits", range(1, 9))
def test_the_bytes_of_k_bits_are_the_first_of_the_8_bit_block(planes, bits):
    """Byte by byte: by chunk, beat, and bit (column * lanes + lane) * planes + plane."""
    columns, lanes = 4, 3
    codes = random_codes(10, 8)
    packed = pack_weights(codes, columns=columns, lanes=lanes, planes=planes)
    chunks = {1: bits, 2: (bits + 1) // 2, 4: 1 + (bits > 4), 8: 1}[planes]
    for tile in range(2):
        expected = b""
        for chunk in range(chunks):
            for beat in range(4):  # of 10 rows, the last of one row and two that are empty
                word = 0
                for column in range(columns):
                    for lane in range(lanes):
                        row = beat * lanes + lane
                        code = int(codes[row, tile * columns + column]) if row < 10 else 0
                        shifted = code >> 8 - planes * (chunk + 1)
                        bit = (column * lanes + lane) * planes
                        word |= (shifted & 2**planes - 1) << bit
                expected += word.to_bytes(-(-columns * lanes * planes // 8), "little")
        assert memory_image(packed)[tile].tobytes()[: len(expected)] == expected
        np.testing.assert_array_equal(prefix(packed, bits)[tile], packed[tile, :chunks])
        assert len(memory_image(packed)[tile].tobytes()) * chunks == len(expected) * (8 // planes)


@given(**SIZES)
@settings(max_examples=80, deadline=None)
def test_beat_major_has_each_beats_chunks_together(reduction, width, columns, lanes, planes, bits):
    codes = random_codes(reduction, width)
    packed = pack_weights(codes, columns=columns, lanes=lanes, planes=planes)
    beats = beat_major(packed[0], bits)
    chunks = -(-bits // planes)
    assert beats.shape == (packed.shape[2], chunks, columns, lanes)
    value = sum(beats[:, i].astype(int) << planes * (chunks - 1 - i) for i in range(chunks))
    padded = np.zeros((packed.shape[2] * lanes, columns), np.uint8)
    padded[:reduction, : min(width, columns)] = truncate(codes, bits)[:, :columns]
    expected = padded.reshape(-1, lanes, columns).swapaxes(1, 2)
    np.testing.assert_array_equal(value >> (chunks * planes - bits), expected)
    assert (value % (1 << chunks * planes - bits) == 0).all()  # the planes below k are cleared


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"planes": 3}, "planes must be 1, 2, 4 or 8, not 3"),
        ({"planes": 0}, "planes must be 1, 2, 4 or 8, not 0"),
        ({"columns": 0}, "columns must be at least 1, not 0"),
        ({"lanes": 0}, "lanes must be at least 1, not 0"),
        ({"columns": -1}, "columns must be at least 1, not -1"),
    ],
)
def test_sizes_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        pack_weights(random_codes(2, 2), **({"columns": 1, "lanes": 1, "planes": 1} | changes))


@pytest.mark.parametrize("bits", [0, 9])
def test_a_prefix_of_other_widths_is_refused(bits):
    packed = pack_weights(random_codes(2, 2), columns=1, lanes=1, planes=1)
    with pytest.raises(ValueError, match=rf"^Bit-width k must be in 1\.\.8, not {bits}$"):
        prefix(packed, bits)


def test_codes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"^Codes must have shape \(K, N\), not \(3,\)$"):
        pack_weights(np.zeros(3, np.uint8), columns=1, lanes=1, planes=1)
