"""Packs weight codes as the hardware stores and eats them.

In memory a tile's weights lie chunk-major: all MSB chunks, then the next, so that the weights
of k bits are a prefix of those of 8. The array eats them beat-major: the chunks of one beat
follow each other.
"""

import numpy as np
import numpy.typing as npt

from truncmac.integers import ceil_div

from .quantise import WEIGHT_BITS, check_bits
from .types import Codes

__all__ = ["beat_major", "memory_image", "pack_weights", "prefix", "unpack_weights"]

PLANES = (1, 2, 4, 8)


def pack_weights(codes: npt.ArrayLike, *, columns: int, lanes: int, planes: int) -> Codes:
    """Chunks of 8-bit codes (K, N), chunk-major, zero padded in K and N.

    Returns
    -------
    uint8 array, shape (column tiles, 8 / planes, ceil(K / lanes), columns, lanes), MSB chunk
    first, each value in 0..2**planes - 1
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
    """The chunks that hold the top `bits`: the first ceil(bits / planes)."""
    check_bits(bits)
    return packed[:, : ceil_div(bits, _planes(packed))]


def memory_image(packed: Codes) -> Codes:
    """Memory words of packed weights, little-endian.

    Returns
    -------
    uint8 array, shape (column tiles, chunks, beats, bytes of a word); bit
    (column * lanes + lane) * planes + plane of a word, and zeros up to a whole byte
    """
    planes = _planes(packed)
    bits = packed[..., None] >> np.arange(planes, dtype=np.uint8) & np.uint8(1)
    return np.packbits(bits.reshape(*packed.shape[:3], -1), axis=-1, bitorder="little")


def beat_major(tile: Codes, bits: int) -> Codes:
    """Chunks of one column tile as the array eats them, the planes below `bits` cleared.

    Parameters
    ----------
    tile : uint8 array (chunks, beats, columns, lanes), one of `pack_weights`

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
    """Codes (K, N) of `bits` bits: the inverse of `pack_weights`, from the prefix alone."""
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
