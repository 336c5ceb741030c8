"""The command of a tile, and the part of it that the output edge needs."""

from amaranth.lib import data

from .config import ACTIVATION_BITS, OFFSET_BITS

__all__ = ["ending_layout", "tile_layout"]


def tile_layout(config):
    """Return the layout of a tile's command, as software gives it.

    bits : k, in 1..8
    beats : beats of the reduction, in 1..max_beats
    offset : z
    limit : the largest output code, 2**m - 1
    raw : outputs are S itself; otherwise they are requantised
    residual : each row of outputs takes a row of residual codes
    fresh : the tile takes the next set of parameters; otherwise it uses those of the tile before
    """
    return data.StructLayout(
        {
            "bits": 4,
            "beats": config.beats_width,
            "offset": OFFSET_BITS,
            "limit": ACTIVATION_BITS,
            "raw": 1,
            "residual": 1,
            "fresh": 1,
        }
    )


def ending_layout(config):
    """Return the layout of what the edge learns when a tile's last chunk enters the array.

    unused : planes below k in a beat's last chunk
    bank : bank of the tile's parameters
    void : the tile's command was in error, so it gives no results
    The other fields are as in the command.
    """
    return data.StructLayout(
        {
            "offset": OFFSET_BITS,
            "unused": range(max(config.planes, 2)),
            "limit": ACTIVATION_BITS,
            "raw": 1,
            "residual": 1,
            "fresh": 1,
            "bank": 1,
            "void": 1,
        }
    )
