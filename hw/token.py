"""The control token that travels with every weight chunk."""

from amaranth.lib import data

__all__ = ["Token"]


class Token(data.Struct):
    """What a PE does with the chunk that comes with the token. All zeros are a bubble.

    load : the chunk is a beat's first, and the beat's activations come with it
    step : there is a chunk
    last_chunk : it is the beat's last
    first_beat : the beat is the tile's first
    capture : it is the tile's last chunk
    """

    load: 1
    step: 1
    last_chunk: 1
    first_beat: 1
    capture: 1
