"""Packs weight codes as the hardware stores and reads them.

A chunk is `planes` bits of a code, and a beat is `lanes` elements of the reduction. In memory a
tile's weights are chunk-major: first the most significant chunks of all beats, then the next ones.
So the weights at k bits are a prefix of those at 8 bits. The array reads them beat-major: all
chunks of a beat, then those of the next beat.
"""

import numpy as np
import numpy.typing as npt

from truncmac.integers import ceil_div

from .quantise import WEIGHT_BITS, check_bits
from .types import Codes

__all__ = ["beat_major", "memory_image", "pack_weights", "prefix", "unpack_weights"]

PLANES = (1, 2, 4, 8)


def pack_weights(codes: npt.ArrayLike, *, columns: int, lanes: int, planes: int) -> Codes:
    """The chunks of 8-bit codes, chunk-major, with zeros where K or N is no whole tile.

    Parameters
    ----------
    codes : uint8 array (K, N)
    columns, lanes, planes : of the array; planes is 1, 2, 4 or 8

    Returns
    -------
    uint8 array (column tiles, 8 / planes, ceil(K / lanes), columns, lanes), the most significant
    chunk first, each value in 0..2**planes - 1

    Raises
    ------
    ValueError
        If a size is out of range, or the codes are no matrix.
    """
    if planes not in PLANES:
        raise ValueError(f"planes must be 1, 2, 4 or 8, not {planes!r}")
    for name, size in (("columns", columns), ("lanes", lanes)):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, not {size!r}")
    matrix = np.asarray(codes, np.uint8)
    if matrix.ndim != 2:
        raise ValueError(f"Codes must have shape (K, N), not {matrix.shape}")
    reduction, width = matrix.shape
    beats, tiles = ceil_div(reduction, lanes), ceil_div(width, columns)
    padded = np.zeros((beats * lanes, tiles * columns), np.uint8)
    padded[:reduction, :width] = matrix
    blocks = padded.reshape(beats, lanes, tiles, columns).transpose(2, 0, 3, 1)
    shifts = np.arange(WEIGHT_BITS - planes, -1, -planes, dtype=np.uint8)
    chunks = blocks[:, None] >> shifts[:, None, None, None]
    return chunks & np.uint8((1 << planes) - 1)


def prefix(packed: Codes, bits: int) -> Codes:
    """The chunks of `pack_weights` that hold the top `bits`: the first ceil(bits / planes)."""
    check_bits(bits)
    return packed[:, : ceil_div(bits, _planes(packed))]


def memory_image(packed: Codes) -> Codes:
    """The memory words of packed weights, as bytes, the least significant byte first.

    Returns
    -------
    uint8 array (column tiles, chunks, beats, bytes of a word). In a word the bit of a column,
    lane and plane is number (column * lanes + lane) * planes + plane; zeros fill the last byte
    """
    planes = _planes(packed)
    bits = packed[..., None] >> np.arange(planes, dtype=np.uint8) & np.uint8(1)
    return np.packbits(bits.reshape(*packed.shape[:3], -1), axis=-1, bitorder="little")


def beat_major(tile: Codes, bits: int) -> Codes:
    """The chunks of one column tile as the array reads them, with the planes below `bits` cleared.

    Parameters
    ----------
    tile : uint8 array (chunks, beats, columns, lanes), one tile of `pack_weights`

    Returns
    -------
    uint8 array (beats, ceil(bits / planes), columns, lanes)
    """
    planes = _planes(tile[None])
    kept = prefix(tile[None], bits)[0].copy()
    unused = -bits % planes
    kept[-1] &= np.uint8(((1 << planes) - 1) >> unused << unused)
    return kept.swapaxes(0, 1)


def unpack_weights(packed: Codes, reduction: int, columns: int, bits: int = WEIGHT_BITS) -> Codes:
    """The codes, uint8 (K, N), of `bits` bits: the inverse of `pack_weights`.

    The prefix of these bits is enough.

    Parameters
    ----------
    reduction, columns : K and N, without what was padded
    """
    planes = _planes(packed)
    kept = prefix(packed, bits)
    tiles, chunks, beats, width, lanes = kept.shape
    value = np.zeros((tiles, beats, width, lanes), np.int64)
    for chunk in range(chunks):
        value = value << planes | kept[:, chunk]
    value >>= -bits % planes
    matrix = value.transpose(1, 3, 0, 2).reshape(beats * lanes, tiles * width)
    return matrix[:reduction, :columns].astype(np.uint8)


def _planes(packed: Codes) -> int:
    return WEIGHT_BITS // packed.shape[1]
